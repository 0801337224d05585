"""Rolling: windows of time, each a run that knows nothing of what came later, and their table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.splits.timed import DAY
from nextitem.recipe import Layer, make_recipe, read_layer
from nextitem.runs.learning.run import run
from nextitem.runs.parts import build
from nextitem.runs.several.rolling import windows_of

DAYS = 12
START = 1_599_955_200  # 2020-09-13


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty users meet an item a day, at the same second; the last day ends with the log."""
    path = tmp_path_factory.mktemp("rolling") / "log.csv"
    rows = [(user, (user + day) % 7, START + day * DAY + DAY - 1) for user in range(20) for day in range(DAYS)]
    path.write_text("user,item,timestamp\n" + "".join(f"u{user},i{item},{at}\n" for user, item, at in rows))
    return path


def recipe_of(log: Path, **split: object) -> ni.Recipe:
    layer: Layer = {
        "data": {"source": str(log)},
        "split": {"kind": "rolling", **split},
        "model": {"name": "Popularity"},
    }
    return make_recipe(layer)


def test_windows_end_with_the_log_and_know_nothing_of_what_came_later(log: Path) -> None:
    found = windows_of(recipe_of(log, days=2, windows=3, step=1))
    ends = [one.recipe.data.before for one in found]
    assert [one.name for one in found] == ["window-1", "window-2", "window-3"]
    assert ends == [START + (DAYS - left) * DAY for left in (2, 1, 0)]
    for one, end in zip(found, ends, strict=True):
        assert end is not None
        assert one.recipe.split.test_from == end - 2 * DAY
        dataset, _ = build.build_dataset(one.recipe.data)
        assert dataset.sequences.timestamps is not None
        assert dataset.sequences.timestamps.max() == end - 1
        split = build.build_split(one.recipe.split, dataset, 0)
        assert (split.test.target.lengths == 2).all()
        assert (split.valid.target.lengths == 2).all()


def test_a_gap_lies_before_the_validation_and_the_test_of_each_window(log: Path) -> None:
    """Of twelve days the first window ends with the tenth: test 9 and 10, validation 6 and 7, training 1 to 4."""
    found = windows_of(recipe_of(log, days=2, windows=2, gap="1d", cases="last"))
    split = build.build_split(found[0].recipe.split, build.build_dataset(found[0].recipe.data)[0], 0)
    assert (split.train.lengths == 4).all()
    assert (split.valid.history.lengths == 5).all()
    assert (split.test.history.lengths == 7).all()
    assert (split.test.target.lengths == 1).all()
    with pytest.raises(ni.InputError, match=r"4 windows of 2 days, 2 days apart, a gap of 1d before each part, leave"):
        windows_of(recipe_of(log, days=2, windows=4, gap="1d"))


def test_a_window_asks_for_what_was_rated_highly_alone(tmp_path: Path) -> None:
    """Every user meets an item a day; those with even numbers rate it 5, the others 1."""
    path = tmp_path / "log.csv"
    rows = [f"u{user},i{day % 7},{START + day * DAY},{1 if user % 2 else 5}\n" for user in range(4) for day in range(9)]
    path.write_text("user,item,timestamp,rating\n" + "".join(rows))
    for one in windows_of(recipe_of(path, days=1, windows=2, target_rating=5)):
        split = build.build_split(one.recipe.split, build.build_dataset(one.recipe.data)[0], 0)
        assert split.test.users.tolist() == split.valid.users.tolist() == [1, 3]


def test_by_default_windows_stand_side_by_side(log: Path) -> None:
    found = windows_of(recipe_of(log, days=1.5))
    assert np.diff([one.recipe.data.before or 0 for one in found]).tolist() == [1.5 * DAY] * 3


def test_windows_before_the_log_begins_are_refused(log: Path) -> None:
    with pytest.raises(ni.InputError, match=r"7 windows of 2 days, 2 days apart, leave nothing .* lasts 11\.0 days"):
        windows_of(recipe_of(log, days=2, windows=7))
    with pytest.raises(ni.InputError, match=r"split\.k is of leave_k_out, found kind rolling"):
        windows_of(recipe_of(log, k=2))
    dataset, _ = build.build_dataset(recipe_of(log).data)
    with pytest.raises(ni.InputError, match="rolling is a run a window"):
        build.build_split(recipe_of(log).split, dataset, 0)
    with pytest.raises(ni.InputError, match=r"split\.windows is of rolling, found kind at_time"):
        build.build_split(make_recipe({"split": {"kind": "at_time", "windows": 2}}).split, dataset, 0)


def test_the_command_makes_a_run_a_window_and_one_table(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made here, where a plan would begin a process each, of which test_experiment has the real ones."""

    def here(recipe: Path, folder: Path) -> list[str]:
        list(run(make_recipe(read_layer(recipe)), folder))
        return [sys.executable, "-S", "-c", ""]

    monkeypatch.setattr("nextitem.runs.several.making.command_of", here)
    monkeypatch.setattr("nextitem.runs.several.making.PAUSE", 0.02)
    words = [
        "run",
        str(log),
        "-m",
        "Popularity",
        "--split.kind",
        "rolling",
        "--split.days",
        "3",
        "--split.windows",
        "2",
    ]
    words += ["--metrics", "hr@2,ndcg@2", "--out", str(tmp_path / "out"), "--evaluation.baselines", "[]"]
    told = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    found = json.loads(told.stdout)
    assert [one["until"] for one in found["windows"]] == [f"2020-09-{day}T00:00:00+00:00" for day in (22, 25)]
    reports = [ni.load(tmp_path / "out" / f"window-{number}").report for number in (1, 2)]
    assert [one["test"] for one in found["windows"]] == [one["test"] for one in reports]
    mean = {name: sum(one["test"][name] for one in reports) / 2 for name in ("hr@2", "ndcg@2")}
    assert found["mean"] == pytest.approx(mean)
    again = CliRunner().invoke(app, words, catch_exceptions=False)  # nothing is made anew
    assert "window-2" in again.stdout
    assert f"{mean['hr@2']:.4f}" in again.stdout
    refused = CliRunner().invoke(app, [*words, "--refit"])
    assert "leave --refit out" in str(refused.exception)
