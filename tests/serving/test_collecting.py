"""Collecting: what a service holds is set aside, and what it no longer holds is freed all the same."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from nextitem.serving.collecting import set_aside, set_aside_anew


class Held:
    """As a run that refers to itself: its count of references alone would never free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_a_process_that_set_nothing_aside_is_left_alone() -> None:
    assert gc.get_freeze_count() == 0
    set_aside_anew()
    assert gc.get_freeze_count() == 0


def test_a_run_that_was_replaced_is_freed() -> None:
    run = Held()
    gone = ref(run)
    set_aside()
    assert gc.get_freeze_count() > 0
    run = Held()
    gc.collect()
    assert gone() is not None  # a collection passes by what is set aside
    set_aside_anew()
    assert gone() is None
    assert run.itself is run
    assert gc.get_freeze_count() > 0
