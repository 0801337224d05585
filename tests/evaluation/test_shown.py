"""What a model is shown of a case: its whole history, or of it what is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.splits.split import Holdout, leave_one_out
from nextitem.data.training_data import TrainingData
from nextitem.evaluation.evaluate import Report, evaluate
from nextitem.evaluation.protocol import Protocol, Seen
from nextitem.models.general.ease import EASE
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import ordered


def reports(model: EASE, holdout: Holdout, seen: Seen) -> tuple[Report, Report]:
    """Shown the history, and what is trained."""
    protocols = (Protocol(seen=seen), Protocol(seen=seen, shown="trained"))
    whole, trained = (evaluate(model, holdout, ["ndcg@10"], protocol) for protocol in protocols)
    return whole, trained


def test_a_model_is_shown_the_history_or_what_is_trained_and_the_history_is_masked_all_the_same() -> None:
    split = leave_one_out(ordered())
    model = EASE(split.num_items, l2=1.0)
    model.fit(TrainingData.of(split.train))
    whole, trained = reports(model, split.test, "mask")
    alone = evaluate(model, replace(split.test, history=split.test.trained), ["ndcg@10"], Protocol(seen="mask"))
    assert not np.array_equal(trained.ranking.ranks, whole.ranking.ranks)
    # With the validation item in the ranking a target is never higher.
    assert (trained.ranking.ranks <= alone.ranking.ranks).all()
    assert np.array_equal(trained.ranking.num_ranked, whole.ranking.num_ranked)
    assert "seen items masked, models shown training items alone, ties" in trained.protocol
    assert "shown" not in whole.protocol


def test_at_validation_there_is_no_difference() -> None:
    split = leave_one_out(ordered())
    model = EASE(split.num_items, l2=1.0)
    model.fit(TrainingData.of(split.train))
    whole, trained = reports(model, split.valid, "auto")
    assert whole.means() == trained.means()


@pytest.mark.parametrize("shown", ["history", "trained"])
def test_a_recipe_and_the_command_say_so(shown: str, tmp_path: Path) -> None:
    layer = {"data": {"source": "synthetic"}, "model": {"name": "ItemKNN"}, "evaluation": {"shown": shown}}
    list(run(make_recipe(layer), tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    assert ("models shown training items alone" in report["protocol"]) is (shown == "trained")
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--shown", shown, "--json"])
    assert json.loads(done.stdout)["test"] == report["test"]
