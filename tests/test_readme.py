"""What the README shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nextitem.data.batches import NextItemBatches
from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.evaluation.evaluate import evaluate
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import ordered
from nextitem.training.fit import fit
from nextitem.training.optimizers import make_optimizer

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
THE_ROAD, IN_USE, NEW_MODEL = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """log.csv in the current folder, with items 1 to 200."""
    monkeypatch.chdir(tmp_path)
    rows = markov_chain(num_users=60, num_items=200, mean_length=30).sequences.to_lists()
    lines = [f"{user},{item},{time}" for user, row in enumerate(rows) for time, item in enumerate(row)]
    (tmp_path / "log.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n")
    return tmp_path / "log.csv"


def test_the_road_in_python(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(THE_ROAD, {})
    printed = capsys.readouterr().out
    assert "History(" in printed
    assert "ndcg@10" in printed.splitlines()[-1]


def test_a_run_in_use(log: Path) -> None:
    recipe = make_recipe({"data": {"source": str(log)}, "model": {"dim": 8}, "training": {"epochs": 1}})
    list(run(recipe, Path("runs/SASRec-ml-100k")))
    names: dict[str, object] = {"ni": __import__("nextitem")}
    exec(IN_USE, names)


def test_the_new_model_learns() -> None:
    names: dict[str, type] = {}
    exec(NEW_MODEL, names)
    split = leave_one_out(ordered())
    model = names["LittleGRU"](split.num_items, dim=16)
    optimizer = make_optimizer(model, learning_rate=0.02)
    list(fit(model, split, NextItemBatches(split.train, 32, 50), optimizer=optimizer, epochs=15))
    assert evaluate(model, split.test, ["hr@1"]).means()["hr@1"] > 0.5
