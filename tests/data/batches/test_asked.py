"""Targets of one kind with inputs of all: what was rated highly is to be found, and everything is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nextitem as ni
from nextitem.data.batches import BATCHES, Batch, ClozeBatches, Wanted, asked_of, make_batches
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

Row = tuple[tuple[int, ...], tuple[int, ...]]  # inputs and targets, without padding
VIEW, CART, BUY = 1.0, 3.0, 6.0
MASK = 10  # of items 1..9
# One user views, buys, views and buys; one views and puts into the cart; one buys first and views; one buys alone.
ROWS, RATINGS = [[1, 2, 3, 4], [5, 6], [7, 8], [9]], [[VIEW, BUY, VIEW, BUY], [VIEW, CART], [BUY, VIEW], [BUY]]


def rated(rows: list[list[int]], ratings: list[list[float]]) -> Sequences:
    flat = np.array([one for row in ratings for one in row], dtype=np.float32)
    return replace(Sequences.from_lists(rows), ratings=flat)


def by_user(kind: str, least: float | None, rows: Sequences | None = None) -> dict[int, list[tuple[list[int], ...]]]:
    """Inputs and targets of each user in an epoch of one batch."""
    train = rated(ROWS, RATINGS) if rows is None else rows
    batches = make_batches(kind, train, 100, num_items=9, target_rating=least)
    (batch,) = batches.epoch(1)
    found = dict[int, list[tuple[list[int], ...]]]()
    for user, inputs, targets in zip(
        *(one.tolist() for one in (batch.users, batch.inputs, batch.targets)), strict=True
    ):
        found.setdefault(user, []).append((inputs, targets))
    assert batches.num_targets == int((batch.targets != 0).sum()) or kind in ("cloze", "bag")
    return {user: sorted(rows) for user, rows in found.items()}


@pytest.mark.parametrize(
    ("kind", "least", "expected"),
    [
        ("next_item", BUY, {1: [([1, 2, 3], [2, 0, 4])]}),
        ("next_item", CART, {1: [([1, 2, 3], [2, 0, 4])], 2: [([5, 0, 0], [6, 0, 0])]}),
        ("prefix", BUY, {1: [([1, 0, 0], [2, 0, 0]), ([1, 2, 3], [0, 0, 4])]}),
        ("pair", BUY, {1: [([0], [2]), ([0], [4])], 3: [([0], [7])], 4: [([0], [9])]}),
        ("bag", BUY, {1: [([1, 2, 3, 4], [0, 2, 0, 4])], 3: [([7, 8, 0, 0], [7, 0, 0, 0])],
                      4: [([9, 0, 0, 0], [9, 0, 0, 0])]}),
    ],
)  # fmt: skip
def test_purchases_alone_are_targets(kind: str, least: float, expected: dict[int, object]) -> None:
    assert by_user(kind, least) == expected


@pytest.mark.parametrize("kind", ["next_item", "prefix", "bag"])
def test_inputs_stay_as_they_are(kind: str) -> None:
    """What is left of the rows is as without the key."""
    chosen, everything = by_user(kind, BUY), by_user(kind, None)
    for user, rows in chosen.items():
        inputs = [shown for shown, _ in everything[user]]
        assert all(shown in inputs for shown, _ in rows)


def test_a_row_that_is_cut_has_the_targets_of_its_newest_items() -> None:
    batches = make_batches("next_item", rated(ROWS, RATINGS), 100, num_items=9, max_length=2, target_rating=BUY)
    (batch,) = batches.epoch(1)
    assert (batch.inputs.tolist(), batch.targets.tolist()) == ([[2, 3]], [[0, 4]])


@pytest.mark.parametrize("newest_share", [0.0, 0.5, 1.0])
def test_cloze_hides_purchases_alone(newest_share: float) -> None:
    rows = rated([*ROWS, [1, 2, 3, 4]] * 50, [*RATINGS, [BUY, VIEW, VIEW, CART]] * 50)
    batches = ClozeBatches(rows, 16, None, MASK, mask_share=0.5, newest_share=newest_share, target_rating=BUY)
    found = {
        (tuple(inputs), tuple(targets))
        for number in range(1, 4)
        for batch in batches.epoch(number)
        for inputs, targets in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True)
    }
    found = {(tuple(i for i in one if i), tuple(t for t in two if t)) for one, two in found}
    open_rows: set[Row] = {((1, MASK, 3, 4), (2,)), ((1, 2, 3, MASK), (4,)), ((1, MASK, 3, MASK), (2, 4))}
    ended: set[Row] = {((1, MASK), (2,)), ((1, 2, 3, MASK), (4,))}
    # Before a purchase at the start of a row there is nothing: no row ends there.
    first: set[Row] = {((MASK, 8), (7,)), ((MASK, 2, 3, 4), (1,))}
    expected = {0.0: open_rows, 0.5: open_rows | ended, 1.0: ended}
    assert found == first | expected[newest_share]


SOME = st.lists(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from([VIEW, CART, BUY])), max_size=7), min_size=1, max_size=6
)


@pytest.mark.parametrize("kind", sorted(BATCHES))
@settings(max_examples=40, deadline=None, derandomize=True)
@given(drawn=SOME, max_length=st.none() | st.integers(2, 4), epoch=st.integers(1, 2))
def test_every_target_was_rated_so_and_stands_beside_its_rating(
    kind: str, drawn: list[list[tuple[int, float]]], max_length: int | None, epoch: int
) -> None:
    drawn = [*drawn, [(1, VIEW), (2, BUY)]]
    train = rated([[item for item, _ in row] for row in drawn], [[one for _, one in row] for row in drawn])
    wanted = Wanted(target_ratings=kind in ("next_item", "prefix", "cloze"))
    batches = make_batches(kind, train, 3, num_items=9, max_length=max_length, wanted=wanted, target_rating=CART)
    found = list[int]()
    for batch in batches.epoch(epoch):
        is_target = batch.targets != 0
        assert bool(is_target.any(1).all())  # a row without one is left out
        if batch.target_ratings is not None:
            assert bool((batch.target_ratings[is_target] >= CART).all())
        found += batch.targets[is_target].tolist()
    asked = asked_of(BATCHES[kind].targets_of(train, max_length), CART).flat_items().tolist()
    assert sorted(found) == sorted(asked) or (kind == "cloze" and set(found) <= set(asked))


def test_an_epoch_follows_from_its_number() -> None:
    rows = rated(ROWS * 20, RATINGS * 20)
    for kind in BATCHES:
        fresh, used = (make_batches(kind, rows, 4, num_items=9, target_rating=CART) for _ in range(2))
        list(used.epoch(1))
        for one, other in zip(fresh.epoch(2), used.epoch(2), strict=True):
            assert torch.equal(one.inputs, other.inputs)
            assert torch.equal(one.targets, other.targets)


@pytest.mark.parametrize("kind", sorted(BATCHES))
def test_no_ratings_and_no_such_rating_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match=r"the log has no ratings; name their column with --data\.rating"):
        make_batches(kind, Sequences.from_lists(ROWS), 4, num_items=9, target_rating=BUY)
    with pytest.raises(InputError, match=r"training\.target_rating 7: no target of training was rated so; lower it"):
        make_batches(kind, rated(ROWS, RATINGS), 4, num_items=9, target_rating=7)


def test_a_model_says_at_one_place_what_it_says_there_of_all() -> None:
    """A row with one target, in its middle, is asked there alone."""
    torch.manual_seed(0)
    whole, places = Batch.of(torch.tensor([[3, 1, 4, 2], [2, 4, 0, 0], [5, 0, 0, 0]])), torch.tensor([1, 0, 0])
    for model in (ni.models.SASRec(9), ni.models.Caser(3, 9), ni.models.HGN(3, 9), ni.models.STAMP(9)):
        model.eval()
        torch.testing.assert_close(model.encode_at(whole, places), model.encode(whole)[torch.arange(3), places])
