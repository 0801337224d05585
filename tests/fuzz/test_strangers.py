"""Run folders from strangers, with a file damaged anyhow: what is answered is what the whole folder answers."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting import ACCEPTED, REFUSED, SEED, numbers, tell
from damaged import damaged_bytes

import nextitem
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.report.results import test_table as table_of
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run

ODD: tuple[Any, ...] = (None, True, -1, 0, 2**70, 0.5, "", "a", "../x", [], {}, [1], {"a": 1}, "NaN", 1e308)
SLICE = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "log.csv").write_text(random_log(20, 12, 5, 8))
    recipe = make_recipe({
        "data": {"source": str(home / "log.csv")},
        "model": {"dim": 4, "num_layers": 1, "max_length": 4},
        "training": {"epochs": 1, "batch_size": 8},
        "evaluation": {"metrics": ["hr@5"], "baselines": ["Popularity"]},
    })  # fmt: skip
    list(run(recipe, home / "run"))
    return home / "run"


def answer(folder: Path) -> list[Any]:
    return [(one.items, one.scores) for one in nextitem.load(folder).recommend([["i1", "i2"], ["i3"]], k=3)]


OTHERS: tuple[Callable[[Path], object], ...] = (
    evaluate_again,
    lambda folder: table_of(RunFolder(folder).read_report()),
    lambda folder: list(run(RunFolder(folder).read_recipe(), folder)),
)


def damaged_json(content: bytes, draw: np.random.Generator) -> bytes:
    """A value somewhere in it changed, or a key taken away or added."""
    found = json.loads(content)
    at = found
    while isinstance(at, dict) and at:
        key = str(draw.choice(list(at)))
        if not isinstance(at[key], dict) or draw.random() < 0.4:
            kind = draw.integers(3)
            if kind == 0:
                del at[key]
            else:
                at[key if kind == 1 else "other"] = ODD[draw.integers(len(ODD))]
            break
        at = at[key]
    return json.dumps(found).encode()


def check(number: int, whole: Path, place: Path, wanted: list[Any]) -> str:
    draw = np.random.default_rng([SEED, 4, number])
    folder = Path(shutil.copytree(whole, place / str(number)))
    path = draw.choice(sorted(one for one in folder.rglob("*") if one.is_file() and one.name != ".lock"))
    content = path.read_bytes()
    if path.suffix == ".json" and draw.random() < 0.7:
        path.write_bytes(damaged_json(content, draw))
    else:
        path.write_bytes(damaged_bytes(content, draw))
    what = f"folder {number} of seed {SEED}, {path.name}"
    try:
        found = answer(folder)
        assert found == wanted, what
        result = ACCEPTED
    except InputError:
        result = REFUSED
    for use in OTHERS:
        try:
            use(folder)
        except InputError:
            continue
        except Exception as error:
            raise AssertionError(what) from error
    shutil.rmtree(folder)
    return result


def test_a_damaged_folder_answers_as_the_whole_one_or_not(whole: Path, tmp_path: Path) -> None:
    wanted = answer(whole)
    found = Counter(check(number, whole, tmp_path, wanted) for number in range(SLICE))
    assert found[REFUSED]


@pytest.mark.slow
def test_damaged_folders_for_minutes(whole: Path, tmp_path: Path) -> None:
    wanted = answer(whole)
    tell("run folders of strangers", Counter(check(one, whole, tmp_path, wanted) for one in numbers(SLICE, 0.15, 60)))
