"""docs/add-a-model.md runs as it stands."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from nextitem.recipe import Recipe

PAGE = (Path(__file__).parent.parent / "docs" / "add-a-model.md").read_text(encoding="utf-8")
THE_FILE, THE_TEST, IN_USE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
(THE_RECIPE,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    exec(THE_FILE + THE_TEST, names)
    return names


def test_the_model_passes_what_every_model_must(names: dict[str, Any]) -> None:
    tests = names["TestFadingMean"]()
    inherited = [test for name, test in inspect.getmembers(tests, inspect.ismethod) if name.startswith("test_")]
    assert len(inherited) >= 10
    for test in inherited:
        test()


def test_the_model_trains_without_the_catalogue(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(IN_USE, names)
    assert "ndcg@10" in capsys.readouterr().out.splitlines()[-1]


def test_the_model_fits_in_thirty_lines() -> None:
    code = THE_FILE.partition('"""\n\nimport')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 30


def test_the_recipe_has_known_keys() -> None:
    for section, keys in yaml.safe_load(THE_RECIPE).items():
        if section != "model":
            assert set(keys) <= set(type(Recipe.model_fields[section].default).model_fields)
