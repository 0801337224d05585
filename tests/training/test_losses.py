"""Every loss by name: it learns the order of synthetic data, and what it learned is scored as it was trained."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import torch

import nextitem
from nextitem.data.batches import history_batch
from nextitem.data.sequences import Sequences
from nextitem.models.towers import ItemTower
from nextitem.nn.losses.by_name import LOSSES
from nextitem.nn.scorers import Cosine
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import Finished, run
from nextitem.training.fit import Progress

SMALL: Layer = {
    "data": {"source": "synthetic"},
    "model": {"name": "GRU4Rec", "dim": 16, "hidden_dim": 16, "max_length": 10, "dropout": 0.0},
    "training": {"epochs": 6, "batch_size": 64, "batches": "next_item", "learning_rate": 0.02},
    "evaluation": {"baselines": ["Popularity"]},
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_learns_the_order_of_a_markov_chain(tmp_path: Path, name: str) -> None:
    keys = {"temperature": 0.2} if name == "info_nce" else {"margin": 0.2} if name == "ccl" else {}
    recipe = make_recipe(SMALL, {"loss": {"name": name, "num_negatives": 16} | keys})
    events = list(run(recipe, tmp_path))
    losses = [event.epoch.loss for event in events if isinstance(event, Progress)]
    assert losses[-1] < losses[0]
    assert isinstance(events[-1], Finished)
    report = events[-1].report
    assert report["test"]["ndcg@10"] > 1.1 * report["baselines"]["Popularity"]["ndcg@10"]


@pytest.mark.parametrize("name", ["bpr", "ccl", "info_nce"])
def test_a_run_that_is_loaded_scores_as_it_was_trained(tmp_path: Path, name: str) -> None:
    recipe = make_recipe(SMALL, {"loss": {"name": name}, "training": {"epochs": 1}})
    list(run(recipe, tmp_path))
    model = nextitem.load(tmp_path).model
    assert isinstance(model, ItemTower)
    batch = history_batch(Sequences.from_lists([[1, 2], [3]]), 10)
    queries, vectors = model.query(batch), model.item_vectors()
    if LOSSES[name].scorer is Cosine:
        expected = torch.cosine_similarity(queries[:, None], vectors[None], dim=-1)
    else:
        expected = queries @ vectors.T
    torch.testing.assert_close(model.score(batch), expected)


def test_ratings_weigh_where_they_are_asked_to(tmp_path: Path) -> None:
    """After item 1 half of the users went on to 2, which they rated 5, and half to 3, which they rated 0.5."""
    rows = [
        (user, item, time, 0.5 if item == 3 else 5.0)
        for user in range(40)
        for time, item in enumerate([1, 2 + user % 2, 4 + user % 3, 7 + user % 5])
    ]
    frame = pl.DataFrame(rows, schema=["user", "item", "timestamp", "rating"], orient="row")
    frame.write_csv(tmp_path / "log.csv")
    odds = {}
    for weight in (None, "rating"):
        recipe = make_recipe(
            SMALL,
            {
                "data": {"source": str(tmp_path / "log.csv"), "rating": "rating", "weight": weight},
                "training": {"epochs": 30, "batch_size": 40, "monitor": "ndcg@5", "patience": 30, "evaluate_every": 30},
                "evaluation": {"metrics": ["hr@5", "ndcg@5"]},
            },
        )
        list(run(recipe, tmp_path / str(weight)))
        loaded = nextitem.load(tmp_path / str(weight))
        first, *others = loaded.items.indices(["1", "2", "3"]).tolist()
        scores = loaded.model.score(history_batch(Sequences.from_lists([[first]]), 10))[0, others]
        odds[weight] = (scores[0] - scores[1]).exp().item()
    assert odds[None] == pytest.approx(1, rel=0.5)
    assert odds["rating"] == pytest.approx(10, rel=0.5)
