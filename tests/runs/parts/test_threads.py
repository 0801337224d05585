"""The threads of a run: those asked for, else no more than the process may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nextitem.recipe import make_recipe
from nextitem.runs.parts import threads
from nextitem.runs.parts.threads import take_threads


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_what_is_asked_for_is_taken() -> None:
    take_threads(3)
    assert torch.get_num_threads() == 3


def test_a_quota_of_one_core_means_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(4)
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    take_threads(None)
    assert torch.get_num_threads() == 1


def test_the_users_own_variable_wins_over_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(4)
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    take_threads(None)
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("said", ["auto", None])
def test_auto_is_the_word_for_as_many_as_may_be_used(said: str | None) -> None:
    recipe = make_recipe({"training": {"threads": said}})
    assert recipe.training is not None
    assert recipe.training.threads is None
