"""Ratings that are read by models of other kinds than SASRec's: recurrent, scanned, and with hidden items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import nextitem
from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.contents import Contents
from nextitem.models.names import BERT4Rec, GRU4Rec, Mamba4Rec
from nextitem.recipe import make_recipe
from nextitem.runs.asking.live import Session
from nextitem.runs.learning.run import run
from nextitem.testing import RecommenderTests

RATED = Contents(ratings=True)
TRAIN = TrainingData.of(
    replace(Sequences.from_lists([[1, 2, 3, 4]]), ratings=np.array([0.5, 5, 3, 3], dtype=np.float32)), 6
)


class TestGRU4Rec(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        return GRU4Rec(sizes.num_items, dim=16, dropout=0.0).take_contents(RATED)


class TestMamba4Rec(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        return Mamba4Rec(sizes.num_items, dim=16, d_state=4, dropout=0.0, max_length=20).take_contents(RATED)


@torch.no_grad()
def test_the_rating_of_a_hidden_item_is_hidden_too() -> None:
    model = BERT4Rec(6, dim=4, num_heads=1, dropout=0.0, max_length=6).take_contents(RATED).eval()
    model.prepare(TRAIN)
    inputs = torch.tensor([[1, model.mask, 3]])
    one, other, seen = (
        model.encode(Batch.of(inputs, ratings=torch.tensor([ratings])))
        for ratings in ([3.0, 0.5, 3.0], [3.0, 5.0, 3.0], [3.0, 5.0, 5.0])
    )
    assert torch.equal(one, other)
    assert not torch.equal(one, seen)
    asked = model.query(Batch.of(torch.tensor([[1, 2]]), ratings=torch.tensor([[3.0, 5.0]])))
    masked = Batch.of(torch.tensor([[1, 2, model.mask]]), ratings=torch.tensor([[3.0, 5.0, 0.0]]))
    torch.testing.assert_close(asked[0], model.encode(masked)[0, 2])


@torch.no_grad()
@pytest.mark.parametrize("kind", [GRU4Rec, Mamba4Rec])
def test_a_rating_is_read_with_its_item_and_changes_nothing_before_it(kind: type[GRU4Rec | Mamba4Rec]) -> None:
    torch.manual_seed(0)
    model = kind(6, dim=4, dropout=0.0, max_length=6).take_contents(RATED).eval()
    model.prepare(TRAIN)
    rows = torch.tensor([[1, 2, 3, 0], [4, 3, 2, 1]])
    ratings = torch.tensor([[3, 3, 5, 0], [3, 0.5, 5, 3]])
    plain = model.encode(Batch.of(rows, ratings=ratings))
    ratings[0, 1] = 0.5
    other = model.encode(Batch.of(rows, ratings=ratings))
    assert torch.equal(other[0, 0], plain[0, 0])
    assert not torch.isclose(other[0, 1:3], plain[0, 1:3]).all(1).any()
    assert torch.equal(other[1], plain[1])


def test_a_session_has_no_ratings_to_read(tmp_path: Path) -> None:
    layer = {
        "model": {"name": "GRU4Rec", "dim": 4, "ratings": True},
        "data": {"source": str(written(tmp_path))},
        "training": {"epochs": 1},
        "evaluation": {"metrics": ["hr@1"]},
    }
    list(run(make_recipe(layer), tmp_path / "run"))
    loaded = nextitem.load(tmp_path / "run")
    assert len(loaded.recommend([["a", "b"]], k=2, ratings=[[5, 1]])[0].items) == 2
    with pytest.raises(InputError, match=r"GRU4Rec was trained with model\.ratings, and items that come one by one"):
        Session(loaded, ["a"])


def written(folder: Path) -> Path:
    items = "abcdef"
    rows = [f"u{u},{items[(u + t) % 6]},{1 + (u + t) % 5},{t}" for u in range(12) for t in range(5)]
    (folder / "log.csv").write_text("\n".join(["user_id,item_id,rating,timestamp", *rows]) + "\n")
    return folder / "log.csv"
