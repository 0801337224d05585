"""Times of a question: as a log has them, in the unit that the model learned from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.batches import Batch, Wanted
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.recipe import make_recipe
from nextitem.runs.asking.moments import in_unit
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.learning.run import run

FIRST = 1_396_866_669  # 2014-04-07 10:31:09
HISTORY, SECONDS = "i1,i2,i3", [FIRST, FIRST + 60, FIRST + 400]
DATES = "2014-04-07 10:31:09, 2014-04-07 10:32:09, 2014-04-07T10:37:49"


@pytest.fixture(scope="module", params=["s", "ms"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A run of TiSASRec on a log in seconds, or in milliseconds."""
    home, factor = tmp_path_factory.mktemp("timed"), {"s": 1, "ms": 1000}[request.param]
    rng, extra = np.random.default_rng(0), factor // 2  # no whole seconds where they are milliseconds
    gaps = rng.integers(1, 900, (40, 6)).cumsum(1)
    times = (FIRST + gaps) * factor + extra
    lines = [f"{user},i{rng.integers(12)},{time}" for user, row in enumerate(times) for time in row]
    (home / "log.csv").write_text("user,item,timestamp\n" + "\n".join(lines) + "\n")
    layer = {"model": {"name": "TiSASRec", "dim": 8, "max_length": 6}, "training": {"epochs": 2, "batch_size": 8}}
    list(run(make_recipe(layer, {"data": {"source": str(home / "log.csv")}}), home / "run"))
    return home / "run"


def asked(folder: Path, *arguments: object) -> list[float]:
    """The scores that the command answers."""
    command = ["recommend", str(folder), "--json", "-k", "5", *map(str, arguments)]
    found = CliRunner().invoke(app, command, catch_exceptions=False)
    scores: list[float] = json.loads(found.output)["scores"]
    return scores


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numbers_and_dates_are_the_same_moments(unit: str) -> None:
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for moment in (FIRST, FIRST * 1000, str(FIRST), "2014-04-07 10:31:09", "7 Apr 2014 10:31:09"):
        assert in_unit([moment], unit) == [FIRST * factor]  # type: ignore[arg-type]
    assert in_unit([datetime(2014, 4, 7, 10, 31, 9), np.datetime64("2014-04-07")], "s") == [FIRST, 1_396_828_800]


def test_a_finer_moment_is_rounded_down_and_a_run_that_names_no_unit_keeps_its_own() -> None:
    assert in_unit([FIRST * 1000 + 999], "s") == [FIRST]
    assert in_unit([FIRST * 1000 + 999], None) == [FIRST * 1000 + 999]
    assert in_unit([], None) == []


@pytest.mark.parametrize("moments", [["soon"], [FIRST, "2014-04-07"], [-1], [float("nan")], [None], ["03/04/2014"]])
def test_what_is_no_moment_is_told_with_the_way_out(moments: list[object]) -> None:
    with pytest.raises(InputError, match=r"seconds since 1970\), or dates such as .*, all of one spelling; found "):
        in_unit(moments, "s")


def test_times_are_typed_beside_the_history(folder: Path) -> None:
    opened = load(folder)
    (expected,) = opened.recommend([HISTORY.split(",")], 5, times=[SECONDS])
    (other,) = opened.recommend([HISTORY.split(",")], 5, times=[[FIRST, FIRST + 500, FIRST + 501]])
    assert expected.scores != other.scores
    for times in (",".join(map(str, SECONDS)), DATES, json.dumps([1000 * one for one in SECONDS])):
        assert asked(folder, "--history", HISTORY, "--times", times) == expected.scores


def test_a_run_keeps_the_unit_of_its_times(folder: Path) -> None:
    opened = load(folder)
    factor = {"s": 1, "ms": 1000}[opened.time_unit or ""]
    assert opened.histories.timestamps is not None
    assert int(opened.histories.timestamps.min()) // factor // 10**5 == FIRST // 10**5


def test_a_line_of_histories_has_its_own_times(folder: Path) -> None:
    rows = [{"history": HISTORY.split(","), "times": times} for times in (SECONDS, [1000 * one for one in SECONDS])]
    for row in rows:
        said = CliRunner().invoke(app, ["recommend", str(folder), "--histories", "-", "-k", "5"], input=json.dumps(row))
        assert json.loads(said.output)["scores"] == asked(folder, "--history", HISTORY, "--times", DATES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--history", HISTORY], r"TiSASRec goes by times: pass --times T1,T2,\.\., or in Python times=, a list"),
        (["--history", HISTORY, "--times", "5,6"], "has 3 items and 2 times; give one for each item"),
        (["--history", HISTORY, "--times", DATES, "--at", "5"], r"not go by the time at which it is asked; .*--at"),
        (["--user", "1", "--times", DATES], "--times are of --history, --at of that or of --user"),
        (["--history", HISTORY, "--times", DATES, "--live"], "--times are of --history, --at of that or of --user"),
        (["--for", "all", "--out", "a.csv", "--times", DATES], "leave --times out"),
    ],
)
def test_times_that_lack_or_do_nothing_are_told(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        asked(folder, *arguments)


def test_a_model_that_goes_by_no_times_refuses_them(tmp_path: Path) -> None:
    layer = {"data": {"source": "synthetic"}, "model": {"name": "MarkovChain"}}
    list(run(make_recipe(layer), tmp_path))
    with pytest.raises(InputError, match="MarkovChain does not go by times; leave times out"):
        asked(tmp_path, "--history", "1,2", "--times", "5,6")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('{"history": ["i1"], "times": 5}', "line 1: times are a list, found 5"),
        ('{"history": ["i1"], "when": 5}', "line 1: the keys are .* and .candidates., found history, when"),
        ('{"history": ["i1"], "times": [5]}\n["i2"]', "pass --times .* a list for each history"),
    ],
)
def test_a_line_of_times_that_are_none_is_named(folder: Path, line: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        CliRunner().invoke(app, ["recommend", str(folder), "--histories", "-"], input=line, catch_exceptions=False)


class AskedAt(Recommender):
    """The item whose number is the minutes that the question comes after the newest item, or 1."""

    def wanted(self) -> Wanted:
        return Wanted(times=True, asked_at=True)

    def score(self, batch: Batch) -> Tensor:
        assert batch.times is not None
        assert batch.asked_at is not None
        late = (batch.asked_at.amax(1) - batch.times.amax(1)) // 60
        scores: Tensor = torch.nn.functional.one_hot(late.clamp(min=1), self.num_items + 1).float()
        return scores


def test_a_question_is_asked_at_its_time() -> None:
    items = IdMap.of(["i1", "i2", "i3", "i4"])
    opened = Run(Path(), make_recipe(), items, IdMap.of(["u"]), AskedAt(4), "s")
    histories, times = [["i1"], ["i2"]], [[FIRST], [FIRST + 60]]

    def best(at: list[object] | None) -> list[object]:
        return [one.items[0] for one in opened.recommend(histories, 1, times=times, at=at, exclude_seen=False)]

    assert best(None) == ["i1", "i1"]
    assert best([FIRST + 180, FIRST + 180]) == ["i3", "i2"]
    assert best(["2014-04-07 10:35:09", "2014-04-07 10:35:10"]) == ["i4", "i3"]
    with pytest.raises(InputError, match="at is a time for each history, found 1 of 2"):
        best([FIRST])


def test_a_kept_user_is_asked_at_a_time() -> None:
    items, users = IdMap.of(["i1", "i2", "i3", "i4"]), IdMap.of(["u", "v"])
    opened = Run(Path(), make_recipe(), items, users, AskedAt(4), "s")
    rows = replace(Sequences.from_lists([[1], [2]]), timestamps=np.array([FIRST, FIRST + 60]))
    vars(opened)["histories"] = rows

    def found(at: list[object] | None) -> list[object]:
        return [one.items[0] for one in opened.recommend(users=["u", "v"], k=1, at=at, exclude_seen=False)]

    assert found(None) == ["i1", "i1"]
    assert found([FIRST + 180, FIRST + 180]) == ["i3", "i2"]
    with pytest.raises(InputError, match="at is a time for each user, found 1 of 2"):
        found([FIRST])


def test_one_object_takes_times_too(folder: Path) -> None:
    made = ni.make("TiSASRec", recipe={"training": {"epochs": 1}}, dim=8, max_length=6).fit(folder.parent / "log.csv")
    found = [made.recommend(histories=[["i1", "i2"]], times=[times], k=2)["score"] for times in ([1, 5], ["1", "5"])]
    assert found[0].equals(found[1])
    with pytest.raises(InputError, match="in Python times="):
        made.recommend(histories=[["i1", "i2"]], k=2)
