"""Positions counted from the newest item of a row, or from the oldest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.names import BERT4Rec, CL4SRec, CoSeRec, DuoRec, SASRec, SASRecF, TiSASRec
from nextitem.models.positions import Positions
from nextitem.models.towers import SequenceModel
from nextitem.testing import NUM_ITEMS, RecommenderTests, batch_of

MODELS = [SASRec, CL4SRec, DuoRec, CoSeRec, SASRecF, TiSASRec, BERT4Rec]
CAUSAL = MODELS[:-1]


def made(kind: Any, positions: Positions, max_length: int = 8) -> SequenceModel:
    torch.manual_seed(0)
    beside = {"item_attributes": {"colour": 3}} if kind is SASRecF else {}
    sizes = {"dim": 8, "num_heads": 2, "max_length": max_length}
    model: SequenceModel = kind(NUM_ITEMS, positions=positions, **sizes, **beside).eval().double()
    return model


def encoded(model: SequenceModel, rows: list[list[int]], width: int | None = None) -> torch.Tensor:
    batch = batch_of(model, rows, width)
    with torch.no_grad():
        return model.encode(batch)


class TestSASRecFromTheOldest(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return SASRec(num_items, dim=16, num_layers=1, dropout=0.0, max_length=20, positions="oldest")


@pytest.mark.parametrize("kind", CAUSAL)
def test_states_of_a_row_are_those_inside_a_longer_one(kind: type[SequenceModel]) -> None:
    model, row = made(kind, "oldest"), [3, 1, 4, 1, 5]
    whole = encoded(model, [row])
    for length in range(1, 6):
        torch.testing.assert_close(encoded(model, [row[:length]])[0], whole[0, :length], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", CAUSAL)
def test_counted_from_the_newest_they_are_not(kind: type[SequenceModel]) -> None:
    model = made(kind, "newest")
    assert not torch.allclose(encoded(model, [[3, 1, 4]])[0], encoded(model, [[3, 1, 4, 1]])[0, :3])


@pytest.mark.parametrize("kind", MODELS)
def test_columns_of_padding_change_nothing(kind: type[SequenceModel]) -> None:
    model, rows = made(kind, "oldest"), [[3, 1, 4], [5, 2]]
    narrow, wide = encoded(model, rows), encoded(model, rows, width=12)  # wider than max_length
    torch.testing.assert_close(wide[0, :3], narrow[0, :3])
    torch.testing.assert_close(wide[1, :2], narrow[1, :2])


@pytest.mark.parametrize("kind", MODELS)
def test_a_row_that_is_too_long_is_counted_from_the_oldest_that_is_seen(kind: type[SequenceModel]) -> None:
    model = made(kind, "oldest", max_length=4)
    long, short = (RecommenderTests().score(model, [row]) for row in ([9, 9, 1, 2, 3, 4], [1, 2, 3, 4]))
    torch.testing.assert_close(long, short)


def test_the_oldest_item_has_the_first_vector() -> None:
    model = SASRec(NUM_ITEMS, dim=8, num_layers=0, max_length=5, norm="paper", positions="oldest").eval()
    inputs = torch.tensor([[7, 3, 3], [3, 7, 0]])
    items, positions = model.item_embedding.weight, model.position_embedding.weight
    states = model.encode(Batch.of(inputs))
    torch.testing.assert_close(states[0], items[inputs[0]] * 8**0.5 + positions[[0, 1, 2]])
    torch.testing.assert_close(states[1, :2], items[inputs[1, :2]] * 8**0.5 + positions[[0, 1]])


@pytest.mark.parametrize("kind", MODELS)
def test_an_end_that_there_is_not_is_refused(kind: type[SequenceModel]) -> None:
    with pytest.raises(InputError, match='positions are not counted from "older"; did you mean "oldest"'):
        made(kind, "older")  # type: ignore[arg-type]


def test_what_was_saved_before_there_were_positions_is_counted_from_the_newest() -> None:
    """A recipe of an older version has no such key, and its weights no such entry."""
    old, new = made(SASRec, "newest"), SASRec(NUM_ITEMS, dim=8, num_heads=2, max_length=8).eval().double()
    new.load_weights(old.state_dict())
    batch = batch_of(new, [[1, 2, 3]])
    assert torch.equal(new.score(batch), old.score(replace(batch)))
