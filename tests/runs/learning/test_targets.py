"""Runs that learn to find purchases and see everything: what is said, and what is sampled from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import torch

import nextitem as ni
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.nn.objectives import Sampled
from nextitem.nn.samplers.in_batch import InBatchSampler
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.runs.learning.run import Finished, Prepared, run
from nextitem.runs.parts.build import build_batches, build_model

KINDS = {"view": 1, "buy": 6}


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Every third event of 20 users is a purchase of one of three items; the others are views."""
    rows = [
        (user, f"b{(user + place) % 3}" if place % 3 == 2 else f"v{(user * place) % 7}", place % 3 == 2, place)
        for user in range(20)
        for place in range(9)
    ]
    path = tmp_path / "events.csv"
    frame = pl.DataFrame(rows, ["user", "item", "is_bought", "timestamp"], orient="row")
    frame.select("user", "item", pl.lit("view").alias("event"), "timestamp").with_columns(
        event=pl.when(frame["is_bought"]).then(pl.lit("buy")).otherwise("event")
    ).write_csv(path)
    return path


def recipe_of(path: Path, **sections: Layer) -> Recipe:
    data = {"source": str(path), "kind": "event", "kinds": KINDS}
    small = {"name": "SASRec", "dim": 8, "num_layers": 1, "max_length": 10}
    training = {"epochs": 2, "batch_size": 8, "target_rating": 6}
    return make_recipe({"data": data, "model": small, "training": training}, sections)


def test_a_run_says_what_is_learned_and_resumes_to_the_same_weights(events: Path, tmp_path: Path) -> None:
    recipe = recipe_of(events)
    found = list(run(recipe, tmp_path / "whole"))
    assert isinstance(found[0], Prepared)
    note = "training learns to find 40 of 140 interactions, those rated 6 and more; it sees all"
    assert note in found[0].notes
    assert isinstance(found[-1], Finished)
    assert note in found[-1].report["notes"]
    stopped = run(recipe, tmp_path / "stopped")
    for _ in range(3):  # prepared, built, and one epoch
        next(stopped)
    del stopped
    list(run(recipe, tmp_path / "stopped"))
    one, other = (ni.load(tmp_path / name).model.state_dict() for name in ("whole", "stopped"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_word_of_the_kinds_is_its_number(events: Path, tmp_path: Path) -> None:
    recipes = {one: recipe_of(events, training={"target_rating": one, "epochs": 1}) for one in ("buy", "6")}
    found = {one: list(run(recipe, tmp_path / one)) for one, recipe in recipes.items()}
    notes = [steps[0].notes for steps in found.values() if isinstance(steps[0], Prepared)]
    assert notes[0] == notes[1]
    assert "training learns to find 40 of 140 interactions, those rated 6 and more; it sees all" in notes[0]
    one, other = (ni.load(tmp_path / name).model.state_dict() for name in recipes)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    with pytest.raises(InputError, match=r'training\.target_rating: "bought" is no kind .* view \(1\), buy \(6\)'):
        next(run(recipe_of(events, training={"target_rating": "bought"}), tmp_path / "none"))


def test_in_batch_negatives_are_as_frequent_as_what_is_learned(events: Path) -> None:
    recipe = recipe_of(events, loss={"name": "sampled_softmax", "sampler": "in_batch"})
    split = ni.leave_one_out(ni.read_dataset(events, kind="event", kinds=KINDS))
    model = build_model(recipe, split)
    assert isinstance(model, Trained)
    assert recipe.training is not None
    targets = torch.cat([one.targets.flatten() for one in build_batches(recipe.training, model, split, 0).epoch(1)])
    counts = torch.bincount(targets[targets > 0], minlength=split.num_items + 1)
    by_name = ni.sampled(
        "sampled_softmax", split, sampler="in_batch", batches="next_item", max_length=10, target_rating=6
    )
    for objective in (model.objective, by_name):
        assert isinstance(objective, Sampled)
        assert isinstance(objective.sampler, InBatchSampler)
        torch.testing.assert_close(objective.sampler.log_share.exp(), counts.double() / counts.sum())
    with pytest.raises(InputError, match="target_rating are of the sampler in_batch, and uniform does not ask"):
        ni.sampled("bpr", split, target_rating=6)


def test_a_log_without_ratings_is_refused_before_anything_is_trained(events: Path, tmp_path: Path) -> None:
    recipe = recipe_of(events, data={"kind": None, "kinds": None})
    with pytest.raises(InputError, match=r"training\.target_rating learns to find what was rated highly"):
        next(run(recipe, tmp_path / "none"))
