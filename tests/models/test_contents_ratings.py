"""Contents: ratings that are read and ratings that are learned, in the models that take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from small_contents import READERS, data, histories, small

from nextitem.data.batches import Batch, make_batches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout, leave_one_out
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.evaluation.ratings import rating_errors
from nextitem.models.names import (
    BERT4Rec,
    CL4SRec,
    CoSeRec,
    DuoRec,
    FEARec,
    ICLRec,
    SASRec,
)
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import ordered


@pytest.mark.parametrize("kind", READERS)
def test_ratings_matter_where_they_are_read_and_unknown_ones_are_nothing(kind: Any) -> None:
    model, plain = small(kind, ratings=True).eval(), small(kind).eval()
    low = model.score(histories([[0.5, 3.0, 3.0], [3.0, 0.5, 0.0]]))
    high = model.score(histories([[5.0, 3.0, 3.0], [3.0, 5.0, 0.0]]))
    none = model.score(histories([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]))
    assert not torch.allclose(low, high)
    assert torch.equal(none, plain.score(histories()))
    with pytest.raises(InputError, match="goes by ratings: the batch has none"):
        model.score(histories())


@pytest.mark.parametrize("kind", [CL4SRec, DuoRec, CoSeRec, ICLRec, FEARec])
def test_who_cannot_read_ratings_says_so(kind: Any) -> None:
    with pytest.raises(InputError, match=rf"model\.ratings: {kind.__name__} does not read ratings"):
        small(kind, ratings=True)


@pytest.mark.parametrize("contents", [{"ratings": True}, {"rating_weight": 0.1}])
def test_a_log_without_ratings_is_refused_by_name(contents: dict[str, Any]) -> None:
    bare = TrainingData.of(Sequences.from_lists([[1, 2]]), 6, data().side)
    with pytest.raises(InputError, match=r"SASRec learns from ratings, and the log has none.*--data\.rating"):
        small(SASRec, bare, **contents)


def test_the_loss_has_the_squared_error_of_the_standardised_ratings_of_the_targets() -> None:
    model, plain = small(SASRec, rating_weight=0.5), small(SASRec)
    given = torch.tensor([[5.0, 3, 3]])
    batch = Batch(torch.tensor([1]), torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]]), target_ratings=given)
    ratings = torch.tensor([0.5, 5, 3, 3])
    states, vectors = model.encode(batch)[0], model.item_vectors()
    assert model.rating_head is not None
    found = torch.stack([
        model.rating_head(torch.cat([state, vectors[item]]))[0] for state, item in zip(states, (2, 3, 4), strict=True)
    ])  # fmt: skip
    errors = (found - (given[0] - ratings.mean()) / ratings.std(correction=0)).square()
    torch.testing.assert_close(model.loss(batch), plain.loss(batch) + 0.5 * errors.mean())
    assert torch.equal(model.eval().score(batch), plain.eval().score(batch))


@pytest.mark.parametrize("batches", ["next_item", "prefix", "cloze"])
def test_batches_bring_the_ratings_of_their_targets(batches: str) -> None:
    train = leave_one_out(ordered()).train
    for kind in (SASRec, BERT4Rec):
        wanted = small(kind, rating_weight=0.1).wanted()
    batch = next(iter(make_batches(batches, train, 8, num_items=20, wanted=wanted).epoch(1)))
    assert batch.target_ratings is not None
    is_target = batch.targets != 0
    assert torch.equal(batch.target_ratings[is_target], (1 + batch.targets[is_target] % 5).float())


def test_errors_of_ratings_are_those_of_a_plain_loop() -> None:
    model = small(SASRec, rating_weight=0.1, ratings=True)
    rated = replace(Sequences.from_lists([[1, 2], [3]]), ratings=np.array([5, 3, 0.5], dtype=np.float32))
    target = replace(Sequences.from_lists([[3, 4], [1]]), ratings=np.array([1, 5, 3], dtype=np.float32))
    holdout = Holdout(np.array([1, 2]), rated, rated, target, 0)
    errors = rating_errors(model, holdout, rated)
    model.eval()
    missed = []
    for items, ratings, asked, given in (([1, 2], [5.0, 3.0], 3, 1), ([1, 2], [5.0, 3.0], 4, 5), ([3], [0.5], 1, 3)):
        state = model.query(Batch.of(torch.tensor([items]), ratings=torch.tensor([ratings])))
        missed.append(model.rate(state, torch.tensor([asked])).item() - given)
    assert errors is not None
    assert errors.rmse == pytest.approx(float(np.sqrt(np.square(missed).mean())), rel=1e-5)
    assert errors.mae == pytest.approx(float(np.abs(missed).mean()), rel=1e-5)


def test_more_ratings_than_levels_are_refused() -> None:
    with pytest.raises(InputError, match=r"model\.rating_levels: the log has 3 different ratings, more than 2"):
        small(SASRec, ratings=True, rating_levels=2)


def test_a_run_reports_new_items_and_the_errors_of_ratings_and_is_loaded_without_its_data(tmp_path: Path) -> None:
    rows = [
        (f"u{user}", f"i{(user + step) % 12}", user + step, step % 5 + 1) for user in range(30) for step in range(6)
    ]
    rows += [("u0", "new", 99, 5)]
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    pl.DataFrame(rows, ["user", "item", "timestamp", "rating"], orient="row").write_csv(log)
    names = [*(f"i{one}" for one in range(12)), "new"]
    pl.DataFrame({"item": names, "kind": [f"kind {len(name) + one % 3}" for one, name in enumerate(names)]}).write_csv(
        items
    )
    model = {"name": "SASRec", "dim": 8, "attributes": "sum", "ratings": True, "rating_weight": 0.1}
    layer = {"model": model, "data": {"source": str(log), "item_table": str(items)}, "training": {"epochs": 2}}
    *_, finished = run(make_recipe(layer), tmp_path / "run")
    report: Any = finished
    assert report.report["ratings"]["ratings"] == 30
    assert report.report["slices"]["cold items"]["cases"] == 1
