"""Negatives: from training rows and recipe keys to samplers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nextitem.data.batches import BATCHES, make_batches
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.models.negatives import (
    BY_VECTORS,
    SAMPLERS,
    STATIC,
    Trainable,
    check_sampler,
    make_sampler,
    sampler_keys,
    unseen_sampler,
)
from nextitem.nn.samplers.base import Positives, Repeatable


def drawn_by(user: int, rows: Sequences) -> set[int]:
    negatives = unseen_sampler(rows, 5).draw(torch.tensor([user]), 200)
    return set(negatives.flatten().tolist())


ROWS = Sequences.from_lists([[3, 1, 3], [], [2, 5, 4]])


def test_user_r_plus_1_never_draws_an_item_of_row_r() -> None:
    assert [drawn_by(user, ROWS) for user in (1, 2, 3)] == [{2, 4, 5}, {1, 2, 3, 4, 5}, {1, 3}]


def test_the_unknown_user_draws_any_item() -> None:
    assert drawn_by(0, ROWS) == {1, 2, 3, 4, 5}


def test_rows_may_be_views() -> None:
    assert drawn_by(3, ROWS.without_last(2)) == {1, 3, 4, 5}


def log_q(name: str, **keys: Any) -> torch.Tensor:
    """(3, 5) of users 1 to 3 and items 1 to 5."""
    data = Trainable(ROWS, 5, BATCHES["next_item"].targets_of(ROWS, None))
    sampler = make_sampler(name, data, keys)
    torch.manual_seed(0)
    vectors, queries = torch.randn(6, 4), torch.randn(3, 4)
    sampler.refresh(vectors)
    rows = Positives(
        torch.arange(1, 4), torch.ones(3, dtype=torch.int64), lambda items: queries @ vectors[items[0]].T, queries
    )
    return sampler.proposal(rows).log_prob(torch.arange(1, 6)[None, :]).expand(3, 5)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "in_batch"])
@pytest.mark.parametrize("exclude", [True, False])
def test_the_history_is_excluded_where_asked_for_or_struck(name: str, exclude: bool) -> None:
    table = log_q(name, exclude_history=exclude)
    torch.testing.assert_close(table.exp().sum(1), torch.ones(3, dtype=table.dtype))
    is_struck = make_sampler(name, Trainable(ROWS, 5, ROWS), {"exclude_history": exclude}).strikes is not None
    assert is_struck == (exclude and name.startswith("midx"))
    forbidden = [
        sorted(set(range(1, 6)) - {item + 1 for item in row.isfinite().nonzero().flatten().tolist()}) for row in table
    ]
    assert forbidden == ([[1, 3], [], [2, 4, 5]] if exclude and not is_struck else [[], [], []])


def test_popularity_goes_by_the_training_rows() -> None:
    by_count = torch.tensor([1.0, 1, 2, 1, 1]).double()  # item 3 occurs twice
    torch.testing.assert_close(log_q("popularity", power=2.0, exclude_history=False)[0].exp(), by_count**2 / 8)


def test_in_batch_goes_by_the_targets() -> None:
    """Next-item targets of the rows are 1, 3 and 5, 4."""
    assert log_q("in_batch")[0].exp().tolist() == pytest.approx([0.25, 0, 0.25, 0.25, 0.25])


@pytest.mark.parametrize("kind", ["next_item", "prefix", "pair"])
def test_targets_are_those_of_the_batches(kind: str) -> None:
    rows = Sequences.from_lists([[3, 1, 3, 2], [4], [2, 5, 4]])
    batches = make_batches(kind, rows, 2, max_length=2, num_items=5)
    from_batches = torch.cat([batch.targets.flatten() for batch in batches.epoch(1)])
    found = BATCHES[kind].targets_of(rows, 2).flat_items()
    assert sorted(found.tolist()) == sorted(from_batches[from_batches > 0].tolist())


def test_the_lists_of_samplers_are_those_of_the_classes() -> None:
    made = {name: make_sampler(name, Trainable(ROWS, 5, ROWS), {}) for name in SAMPLERS}
    assert {name for name, one in made.items() if one.needs_vectors} == set(BY_VECTORS)
    assert {name for name, one in made.items() if isinstance(one, Repeatable)} == set(STATIC)


def test_keys_that_are_not_given_have_defaults() -> None:
    assert check_sampler("popularity", {"power": "log"}, True) == {
        "power": "log",
        "exclude_history": True,
        "shared": False,
    }


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_takes_its_own_keys_alone(name: str) -> None:
    others = {key for one in SAMPLERS for key in sampler_keys(one)} - sampler_keys(name).keys()
    for key in others:
        with pytest.raises(InputError, match=f"the {name} sampler has no key"):
            check_sampler(name, {key: 1}, False)
