"""Rows and triples in turn: how many of which, and drawn alike wherever training started."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch, Batches, PairBatches, Turns, Wanted, make_batches, num_steps, of_steps
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

ROWS = Sequences.from_lists([[1, 2], [2, 1, 2], [1]])  # 6 interactions


def draw(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(1, 100, (count, 4))


def woven(turns: Turns | None, batch_size: int = 1, seed: int = 0) -> Batches:
    wanted = Wanted(triples=draw, turns=turns)
    return make_batches("pair", ROWS, batch_size, num_items=2, seed=seed, wanted=wanted)


def turns_of(batches: Batches, number: int = 1) -> str:
    """Such as "3r 2t": three batches of rows, then two of triples."""
    runs = [(stream, len(list(run))) for stream, run in groupby(batch.stream for batch in batches.epoch(number))]
    return " ".join(f"{count}{stream[0]}" for stream, count in runs)


@pytest.mark.parametrize(
    ("turns", "accumulate", "found", "steps"),
    [
        (Turns(), 1, "6r 6t", 12),
        (Turns(None, 2), 1, "6r 2t", 8),
        (Turns(2, 1), 1, "2r 1t 2r 1t 2r 1t", 9),
        (Turns(4, 3), 1, "4r 3t 2r 3t", 12),  # the last turn has fewer rows, and all triples
        (Turns(9, 1), 1, "6r 1t", 7),
        (Turns(9), 1, "6r 6t", 12),
        (Turns(), 4, "6r 8t", 4),  # 4 and 2 batches of rows are two steps, and so are 8 of triples
        (Turns(1, 2), 4, "4r 8t 2r 8t", 6),
        (Turns(2, 1), 2, "4r 2t 2r 2t", 5),
    ],
)
def test_streams_take_turns(turns: Turns, accumulate: int, found: str, steps: int) -> None:
    batches = of_steps(woven(turns), accumulate)
    assert turns_of(batches) == found
    assert len(batches) == len(list(batches.epoch(1)))
    assert num_steps(batches, accumulate) == num_steps(woven(turns), accumulate) == steps
    assert batches.num_targets == 6


def test_without_turns_triples_stand_beside_rows() -> None:
    batches = woven(None, batch_size=4)
    assert {batch.stream for batch in batches.epoch(1)} == {"rows"}
    assert of_steps(batches, 3) is batches
    assert num_steps(batches, 3) == 1


@pytest.mark.parametrize(("per_row", "count"), [(1.0, 3), (2.5, 8), (0.01, 1)])
def test_a_batch_has_triples_in_proportion_to_rows(per_row: float, count: int) -> None:
    sizes = [
        (len(batch.users), None if batch.triples is None else len(batch.triples))
        for batch in woven(Turns(triples_per_row=per_row), batch_size=3).epoch(1)
    ]
    assert sizes == [(3, None), (3, None), (0, count), (0, count)]


def test_an_epoch_is_drawn_from_its_seed_and_number() -> None:
    def drawn(seed: int, number: int) -> list[list[list[int]]]:
        return [one.triples.tolist() for one in woven(Turns(3), seed=seed).epoch(number) if one.triples is not None]

    assert drawn(1, 2) == drawn(1, 2)
    assert len({str(drawn(seed, number)) for seed, number in [(1, 2), (1, 3), (2, 2)]}) == 3


def test_rows_are_what_they_are_without_triples() -> None:
    rows = [batch for batch in woven(Turns(2, 3), batch_size=2, seed=7).epoch(5) if batch.stream == "rows"]
    plain = list(PairBatches(ROWS, 2, seed=7).epoch(5))
    assert [one.users.tolist() for one in rows] == [one.users.tolist() for one in plain]
    assert all(torch.equal(one.targets, other.targets) for one, other in zip(rows, plain, strict=True))


def test_a_batch_of_triples_is_cut_by_its_triples() -> None:
    batch = Batch.of_triples(torch.arange(20).reshape(5, 4))
    part = batch.take(slice(1, None, 2))
    assert (part.stream, len(part.users), part.targets.shape) == ("triples", 0, (0, 1))
    assert part.triples is not None
    assert part.triples[:, 0].tolist() == [4, 12]
    assert batch.take(slice(9, None)).stream == "triples"


def test_turns_without_triples_and_rows_without_turns_are_refused() -> None:
    with pytest.raises(InputError, match=r"call prepare\(train\)"):
        make_batches("pair", ROWS, 1, num_items=2, wanted=Wanted(turns=Turns()))
    with pytest.raises(InputError, match="let make_batches make the batches"):
        PairBatches(ROWS, 1, wanted=Wanted(triples=draw, turns=Turns()))


@pytest.mark.parametrize("keys", [{"rows": 0}, {"triples": 0}, {"triples_per_row": 0.0}])
def test_a_turn_of_nothing_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="found 0"):
        Turns(**keys)
