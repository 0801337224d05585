"""Tuning: what wins, how a tuning goes on, and what is said of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from rich.console import Console
from tunings import SPACE, recipe_on, tried
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.learning.concluding import conclude
from nextitem.runs.parts import build
from nextitem.tuning import engine, tune
from nextitem.tuning.page import html
from nextitem.tuning.result import Tuning, sentences
from nextitem.tuning.view import TuningView

if TYPE_CHECKING:
    import optuna
else:
    optuna = pytest.importorskip("optuna", reason='optuna is not installed: "nextitem[tune]"')


def test_the_first_trial_is_the_recipe_as_it_is_and_the_best_value_wins(log: Path, tuned: Tuning) -> None:
    first = tuned.trials.row(0, named=True)
    assert first["default"]
    assert (first["model.dim"], first["training.learning_rate"]) == (8, 0.001)
    values = tuned.trials["value"].to_list()
    assert tuned.value == max(values) == values[tuned.number]
    assert tuned.default_value == values[0] <= tuned.value
    alone = ni.run(recipe_on(log), tuned.folder.parent / "alone")
    assert alone.report["valid"]["ndcg@10"] == pytest.approx(values[0])


def test_the_winner_is_a_run_like_any_other(tuned: Tuning) -> None:
    best = tuned.folder / "best"
    report = json.loads((best / "report.json").read_text())
    assert report["test"] == tuned.test
    assert report["valid"]["ndcg@10"] == pytest.approx(tuned.value)
    assert evaluate_again(best).means() == pytest.approx(tuned.test)
    assert ni.load(best).recipe == tuned.recipe == make_recipe(ni.recipe.read_layer(tuned.folder / "best.yaml"))
    assert len(ni.load(best).recommend([["i1", "i2"]], users=["u1"])) == 1
    assert "the best of 7 trials of a tuning, by validation" in report["notes"]
    assert list((tuned.folder / "trials").iterdir()) == []


def test_data_is_read_once_and_the_test_cases_are_ranked_once(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def counted(own: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            calls.append(own.__name__)
            return own(*given)

        return call

    monkeypatch.setattr(build, "build_dataset", counted(build.build_dataset))
    monkeypatch.setattr(tune, "conclude", counted(conclude))
    ni.tune(recipe_on(log), tmp_path / "out", trials=3, space=SPACE)
    assert calls == ["build_dataset", "conclude"]


def test_the_same_seed_finds_the_same_and_a_call_that_goes_on_finds_what_one_would(
    log: Path, tmp_path: Path, tuned: Tuning
) -> None:
    ni.tune(recipe_on(log), tmp_path / "out", trials=2, space=SPACE)
    again = ni.tune(recipe_on(log), tmp_path / "out", trials=7, space=SPACE)
    assert tried(again) == tried(tuned)
    assert (again.number, again.recipe) == (tuned.number, tuned.recipe)
    assert again.test == pytest.approx(tuned.test)
    other = ni.tune(recipe_on(log, {"seed": 1}), tmp_path / "other", trials=3, space=SPACE)
    assert tried(other)[1][3:] != tried(tuned)[1][3:]


def test_a_tuning_that_is_over_is_shown_without_another_look(log: Path, tuned: Tuning) -> None:
    report = tuned.folder / "best" / "report.json"
    before = report.stat().st_mtime_ns
    again = ni.tune(recipe_on(log), tuned.folder, trials=7, space=SPACE)
    assert tried(again) == tried(tuned)
    assert report.stat().st_mtime_ns == before


def test_what_the_recipe_has_may_lie_outside_of_the_space(log: Path, tmp_path: Path) -> None:
    found = ni.tune(recipe_on(log), tmp_path / "out", trials=3, space={"only": True, "model.dim": [4, 16]})
    dims = found.trials["model.dim"].to_list()
    assert dims[0] == 8
    assert set(dims[1:]) <= {4, 16}


def test_averaged_weights_are_one_of_the_values_and_null_is_said(log: Path, tmp_path: Path) -> None:
    space = {"only": True, "training.average": [None, "ema"]}
    found = ni.tune(recipe_on(log, {"training": {"learning_rate": 0.1}}), tmp_path / "out", trials=2, space=space)
    assert found.trials["training.average"].to_list() == [None, "ema"]
    assert found.trials["state"].to_list() == ["complete", "complete"]
    assert found.trials["value"].n_unique() == 2
    assert ni.load(tmp_path / "out" / "best").recipe == found.recipe
    assert "<td>null</td>" in html(found)
    screen = Console(file=StringIO(), width=200)
    TuningView(screen).show(replace(found, changes={"training.average": (None, "ema")}))
    assert isinstance(screen.file, StringIO)
    assert "training.average: ema, not null" in screen.file.getvalue()


def test_a_trial_that_falls_behind_is_ended_between_epochs(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtOnce(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            return True

    monkeypatch.setattr(engine, "make_pruner", lambda name, epochs: AtOnce())
    found = ni.tune(recipe_on(log), tmp_path / "out", trials=3, space=SPACE)
    assert found.trials["state"].to_list() == ["complete", "pruned", "pruned"]
    assert found.trials["epochs"].to_list() == [2, 1, 1]
    assert found.number == 0


def test_a_trial_without_hope_is_ended_before_there_is_a_median() -> None:
    study = optuna.create_study(direction="maximize", pruner=engine.make_pruner("median", 100))
    first, low, half = study.ask(), study.ask(), study.ask()
    for epoch in range(1, 6):
        first.report(0.1 * epoch, epoch)
    study.tell(first, 0.5)
    for epoch in range(1, 6):
        low.report(0.049 * epoch, epoch)
        half.report(0.05 * epoch, epoch)
        assert low.should_prune() == (epoch > engine.EARLY)
        assert not half.should_prune()
    assert not first.should_prune()


def test_the_median_waits_for_a_third_of_the_epochs_to_the_best_of_the_first_trial() -> None:
    study = optuna.create_study(direction="maximize", pruner=engine.make_pruner("median", 100))
    for _ in range(engine.EARLY):
        before = study.ask()
        for epoch in range(1, 31):
            before.report(0.1 + 0.01 * epoch if epoch <= 24 else 0.2, epoch)
        study.tell(before, 0.34)
    slow = study.ask()
    for epoch in range(1, 12):
        slow.report(0.09 + 0.009 * epoch, epoch)
        assert slow.should_prune() == (epoch > 24 / 3)


@pytest.mark.parametrize("pruner", ["median", "hyperband", "none"])
def test_every_pruner_tunes(log: Path, tmp_path: Path, pruner: engine.Pruner) -> None:
    found = ni.tune(recipe_on(log, {"training": {"epochs": 5}}), tmp_path / "out", trials=5, space=SPACE, pruner=pruner)
    assert len(found.trials) == 5
    assert found.trials["state"][0] == "complete"


def test_an_answer_comes_within_the_time(log: Path, tmp_path: Path) -> None:
    endless: Layer = {"training": {"epochs": 100_000, "patience": 100_000}}
    start = time.perf_counter()
    found = ni.tune(recipe_on(log, endless), tmp_path / "out", time="6s", space=SPACE)
    assert time.perf_counter() - start < 12  # of a machine that others use too
    assert found.trials["state"].to_list() == ["cut"]
    assert found.report is not None
    assert any(note.startswith("its training was cut after epoch") for note in found.report["notes"])
    assert any(line.startswith("Its training was cut after epoch") for line in sentences(found))
    assert ni.load(tmp_path / "out" / "best").recipe == recipe_on(log, endless)
    again = ni.tune(recipe_on(log, endless), tmp_path / "out", time="5s", space=SPACE)  # the same command, and its time
    assert again.trials["state"].to_list()[:2] == ["cut", "cut"]
    assert again.trials["epochs"][0] == found.trials["epochs"][0]  # what was cut is over


def test_a_trial_that_cannot_be_is_a_failure_of_its_own(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = build.build_model

    def picky(recipe: Recipe, *given: Any) -> Any:
        if recipe.model.arguments["dim"] != 8:
            raise InputError("dim must be 8")
        return own(recipe, *given)

    monkeypatch.setattr(build, "build_model", picky)
    found = ni.tune(recipe_on(log), tmp_path / "out", trials=4, space={"only": True, "model.dim": [4, 16]})
    assert found.trials["state"].to_list() == ["complete", "failed", "failed", "failed"]
    assert found.trials["reason"].to_list() == ["", *["dim must be 8"] * 3]


def test_a_folder_is_of_one_recipe_space_and_data(log: Path, tmp_path: Path) -> None:
    own = tmp_path / "log.csv"
    own.write_text(log.read_text())
    ni.tune(recipe_on(own), tmp_path / "out", trials=1, space=SPACE)
    with pytest.raises(InputError, match=r"a tuning of another kind \(model.dim: 4, not 8"):
        ni.tune(recipe_on(own, {"model": {"dim": 4}}), tmp_path / "out", space=SPACE)
    with pytest.raises(InputError, match=r"split\.min_length"):
        ni.tune(recipe_on(own, {"split": {"min_length": 5}}), tmp_path / "out", space=SPACE)
    with pytest.raises(InputError, match=r"another space of model\.dim"):
        ni.tune(recipe_on(own), tmp_path / "out", space={**SPACE, "model.dim": [4, 8]})
    with pytest.raises(InputError, match="is not in this storage"):
        ni.tune(recipe_on(own), tmp_path / "out", space=SPACE, storage=str(tmp_path / "elsewhere"))
    if (held := Path("/proc/self/fd")).is_dir():  # no connection stays
        assert not [one for one in held.iterdir() if "study.db" in os.path.realpath(one)]
    own.write_text(log.read_text() + "u0,i0,99\n")
    with pytest.raises(InputError, match="other data than"):
        ni.tune(recipe_on(own), tmp_path / "out", space=SPACE)
    with pytest.raises(InputError, match="holds something else than a tuning"):
        ni.tune(recipe_on(own), tmp_path / "out" / "best", space=SPACE)


def test_the_study_may_lie_elsewhere(log: Path, tmp_path: Path) -> None:
    for place in (str(tmp_path / "studies"), f"sqlite:///{tmp_path}/own.db"):
        out = tmp_path / f"out-{len(place)}"
        for trials in (1, 2):
            assert len(ni.tune(recipe_on(log), out, trials=trials, space=SPACE, storage=place).trials) == trials
        assert not (out / "study.db").exists()
    assert (tmp_path / "studies" / "study.db").is_file()
    with pytest.raises(InputError, match="cannot be opened"):
        ni.tune(recipe_on(log), tmp_path / "out", space=SPACE, storage="sqlite:////no/such/folder/x.db")


def test_without_optuna_the_extra_is_named(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"nextitem\[tune\]"):
        ni.tune(recipe_on(log), tmp_path / "out")


def test_the_page_says_what_was_tried_and_asks_for_nothing(tuned: Tuning) -> None:
    page = html(tuned)
    assert page == (tuned.folder / "report.html").read_text()
    assert "7 trials (7 complete) of BPR on log.csv" in page
    assert "The last third of the trials" in page
    assert "best so far" in page
    assert "Importance of each key" in page
    assert not any(word in page for word in ("src=", "href=", "http:", "https:", "url("))
    kept = pl.read_csv(tuned.folder / "trials.csv")
    assert kept["value"].to_list() == tuned.trials["value"].to_list()
    assert sum(tuned.importances.values()) == pytest.approx(1)


def test_the_command_tunes_and_so_does_the_mode_of_run(log: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("model.l2: {low: 10.0, high: 100.0, log: true}\n")
    words = ["tune", str(log), "-m", "EASE", "--trials", "3", "--space", str(space), "--out", str(tmp_path / "a")]
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert (len(told["trials"]), told["monitor"], told["recipe"]["model"]["name"]) == (3, "ndcg@10", "EASE")
    assert told["test"] == json.loads((tmp_path / "a" / "best" / "report.json").read_text())["test"]
    words = ["run", str(log), "-m", "ItemKNN", "--mode", "tune", "--out", str(tmp_path / "b")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "20 trials (20 complete) of ItemKNN on log.csv" in done.stdout
    with pytest.raises(InputError, match="takes no --refit"):
        CliRunner().invoke(app, [*words, "--refit"], catch_exceptions=False)


def test_a_typed_key_stays_as_it_is(log: Path, tmp_path: Path) -> None:
    words = [
        "tune",
        str(log),
        "-m",
        "BPR",
        "--dim",
        "8",
        "--epochs",
        "1",
        "--trials",
        "2",
        "--out",
        str(tmp_path / "a"),
    ]
    CliRunner().invoke(app, words, catch_exceptions=False)
    columns = pl.read_csv(tmp_path / "a" / "trials.csv").columns
    assert "model.dim" not in columns
    assert "training.learning_rate" in columns
