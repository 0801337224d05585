"""A live session recommends what the whole history would."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import nextitem
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.asking.live import Session
from nextitem.runs.asking.recommend import Run
from nextitem.runs.learning.run import run

HISTORY = ["3", "14", "15", "92", "65"]


def trained(folder: Path, model: dict[str, object]) -> Run:
    layer = {"data": {"source": "synthetic"}, "model": model, "training": {"epochs": 1, "batch_size": 512}}
    list(run(make_recipe(layer, {"evaluation": {"baselines": []}}), folder))
    return nextitem.load(folder)


@pytest.fixture(scope="module", params=["Mamba4Rec", "GRU4Rec"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("session") / "run", {"name": request.param, "dim": 8})


def test_every_item_leads_to_what_the_whole_history_gives(loaded: Run) -> None:
    session = Session(loaded, HISTORY[:1])
    for length in range(2, len(HISTORY) + 1):
        session.add(HISTORY[length - 1])
        found, (wanted,) = session.recommend(5), loaded.recommend([HISTORY[:length]], 5)
        assert found.items == wanted.items
        assert found.scores == pytest.approx(wanted.scores, rel=1e-4)


def test_a_session_without_items_gets_an_answer(loaded: Run) -> None:
    assert Session(loaded).recommend(3).items == loaded.recommend([[]], 3)[0].items


def test_seen_items_may_come_back(loaded: Run) -> None:
    everything = Session(loaded, HISTORY).recommend(100, exclude_seen=False).items
    assert set(HISTORY) <= set(map(str, everything))
    with pytest.raises(InputError, match=r"between 1 and 95 \(the items left\); found 100"):
        Session(loaded, HISTORY).recommend(100)


def test_an_unknown_item_leaves_the_session_as_it_is(loaded: Run) -> None:
    session = Session(loaded, HISTORY)
    before = session.recommend(5)
    with pytest.raises(InputError, match="does not know the item 'zz'"):
        session.add("zz")
    assert session.recommend(5) == before


def test_other_models_say_which_can(tmp_path: Path) -> None:
    other = trained(tmp_path / "run", {"name": "ZeroBlock", "dim": 4})
    with pytest.raises(InputError, match=r"ZeroBlock cannot read item by item; .* GRU4Rec, LRURec, Mamba4Rec"):
        Session(other)


def test_the_command_answers_every_line_with_a_line(tmp_path: Path) -> None:
    run_of = trained(tmp_path / "run", {"name": "GRU4Rec", "dim": 8})
    command = ["recommend", str(tmp_path / "run"), "--live", "-k", "3", "--history", "3,14"]
    result = CliRunner().invoke(app, command, input="15\n\n92\n")
    wanted = [run_of.recommend([HISTORY[:length]], 3)[0].items for length in (3, 4)]
    assert [line.split() for line in result.stdout.splitlines()] == [[str(item) for item in one] for one in wanted]
    assert isinstance(CliRunner().invoke(app, command, input="zz\n").exception, InputError)
    command[-1] = "yy,3,14"
    skipping = CliRunner().invoke(app, [*command, "--unknown", "skip"], input="zz\n15\n")
    assert skipping.stdout.splitlines() == result.stdout.splitlines()[:1]
    assert "does not know the item 'yy'" in skipping.stderr
    assert "does not know the item 'zz'" in skipping.stderr


def test_the_command_wants_a_history_or_a_session(tmp_path: Path) -> None:
    for options, rule in (([], "needs --history"), (["--live", "--user", "7"], "found --user 7")):
        with pytest.raises(InputError, match=rule):
            CliRunner().invoke(app, ["recommend", str(tmp_path), *options], catch_exceptions=False)
