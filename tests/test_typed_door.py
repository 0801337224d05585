"""A user's script that goes through all of the public door is understood by mypy --strict, and its slips are found."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nextitem

pytest.importorskip("mypy")

SCRIPT = """\
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

import nextitem as ni


def prepared(file: Path) -> tuple[ni.Dataset, ni.Split]:
    log = ni.Interactions.from_frame(pl.read_csv(file), timestamp="time")
    dataset: ni.Dataset = ni.Dataset.from_interactions(log)
    dataset = ni.read_dataset(file, user="user", item="item", timestamp="time")
    return dataset, ni.split.leave_one_out(dataset)


def margin(positive: Tensor, negative: Tensor) -> Tensor:
    return (1 + negative - positive[:, None]).clamp(min=0).sum(1).mean()


def trained(dataset: ni.Dataset, split: ni.Split) -> ni.Recommender:
    model = ni.models.NCF(dataset.num_users, dataset.num_items, dim=8)
    objective: ni.Objective = ni.sampled("bpr", split, sampler="popularity", power=0.5, num_negatives=2)
    batches = ni.batches.PairBatches(split.train, 64)
    optimizer = torch.optim.Adam(model.parameters())
    history: ni.History = ni.fit(model, split, batches, objective=objective, optimizer=optimizer, epochs=1)
    print(history.best)
    epochs: Iterator[ni.Progress] = ni.epochs(model, split, epochs=1)
    for progress in epochs:
        print(progress.epoch.loss, progress.valid)
    model.objective = ni.sampled(margin, split)
    return model


def main(file: Path) -> list[int] | list[str]:
    dataset, split = prepared(file)
    model = trained(dataset, split)
    report: ni.Report = ni.evaluate(model, split.test, ["hr@10"], ni.Protocol(seen="mask"))
    means: dict[str, float] = report.means()
    ni.save(model, dataset, file.parent / "kept", {"dim": 8})
    run: ni.Run = ni.load(file.parent / "kept")
    best: ni.Recommendation = run.recommend([["1"]], 5, users=["1"])[0]
    recipe: ni.Recipe = ni.make_recipe({"model": {"name": "SASRec"}})
    for event in ni.events(recipe, file.parent / "run"):
        print(event, means)
    again: ni.Run = ni.run(recipe, file.parent / "run")
    print(again.report)
    loss: Tensor = ni.losses.bpr(torch.zeros(1), torch.zeros(1, 1))
    print(ni.__version__, loss.item(), ni.split.at_time(dataset, 1.0, 2.0).name)
    return best.items
"""
SLIPS = {  # code -> what mypy says of it
    "ni.models.SASRek(20)": "attr-defined",
    "ni.fit(ni.models.EASE(20), split, epoch=1)": "call-arg",
    "ni.models.SASRec(20, norm='past')": "arg-type",
    "ni.split.ratio(dataset, by='users')": "arg-type",
    "ni.sampled('bpr', split, negatives=3)": "call-arg",
    "ni.losses.bprr": "attr-defined",
    "ni.batches.PairBatches(dataset, 64)": "arg-type",
    "ni.read_dataset('log.csv', seperator=',')": "call-arg",
    "ni.make_recipe('SASRec')": "arg-type",
    "ni.open_dataset('log.csv')": "attr-defined",
}
HEAD = "\n\ndef slips(dataset: ni.Dataset, split: ni.Split) -> None:\n"
# Without the packages of others, whose types take mypy half a minute to read.
QUICK = """
[mypy]
strict = true
[mypy-torch.*,numpy.*,polars.*,narwhals.*,pydantic.*,scipy.*,lightning_fabric.*,numba.*,rich.*,safetensors.*,yaml.*]
follow_imports = skip
ignore_missing_imports = true
[mypy-nextitem.*]
ignore_errors = true
"""


def checked(folder: Path, code: str, *options: str) -> str:
    """What mypy says of a script; it sees the package where these tests run it from."""
    (folder / "script.py").write_text(code)
    home = Path(nextitem.__file__).parents[1]
    is_installed = home.name == "site-packages"  # where mypy looks by itself, and may not be sent
    places = os.pathsep.join([*([] if is_installed else [str(home)]), os.environ.get("MYPYPATH", "")])
    command = [sys.executable, "-m", "mypy", "--strict", *options, "script.py"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "MYPYPATH": places}
    ).stdout


def test_the_door_is_typed(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(QUICK)
    found = checked(tmp_path, SCRIPT + HEAD + "".join(f"    {slip}\n" for slip in SLIPS))
    first = (SCRIPT + HEAD).count("\n") + 1
    errors = dict(line.split(": error: ") for line in found.splitlines() if ": error: " in line)
    for number, (code, kind) in enumerate(SLIPS.items(), start=first):
        assert f"[{kind}]" in errors.pop(f"script.py:{number}", "no error"), code
    assert errors == {}


@pytest.mark.slow
def test_a_script_is_understood_with_the_packages_of_others(tmp_path: Path) -> None:
    assert checked(tmp_path, SCRIPT) == "Success: no issues found in 1 source file\n"


def test_what_type_checkers_read_is_shipped() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["setuptools"]["package-data"]["nextitem"]
    package = Path(nextitem.__file__).parent
    stubs = {str(path.relative_to(package)) for path in package.rglob("*.pyi")}
    assert {"py.typed", *stubs} <= set(shipped)
