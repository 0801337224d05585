"""Recipes: a key or a value that is wrong is refused by name; what is accepted is what was given."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from counting import ACCEPTED, REFUSED, SEED, numbers, tell, verdict

from nextitem.errors import InputError
from nextitem.models.catalogue import MODELS, arguments
from nextitem.recipe import Recipe, make_recipe, read_layer

SECTIONS = ("data", "split", "loss", "training", "evaluation")
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 2**70, 0.5, -0.0, 1e308, math.nan, math.inf, "", "a", "1", "0.5", "true", "null",
    "名", "x" * 5000, [], [1], ["a", None], {}, {"a": 1}, {1: 2}, [[[]]], b"bytes", (1, 2), "../x", "file.py:Class",
)  # fmt: skip
MARKS = (b"", b":", b"\t", b"- ", b"{", b"[", b"&a ", b"*a", b"!!python/name:os.system ", b"\xff", b"\0", b"'", b"\n")
SLICE = 75


def keys_of(section: str, model: str) -> list[str]:
    if section == "model":
        return ["name", *arguments(MODELS[model])]
    kind: Any = Recipe.model_fields[section].default
    return list(type(kind).model_fields) if kind is not None else ["name"]


def damaged(name: str, draw: np.random.Generator) -> str:
    """A key as it is typed wrong, often enough as it is."""
    kind, place = draw.integers(8), int(draw.integers(len(name) + 1))
    if kind == 0:
        return name[:place] + name[place + 1 :]
    if kind == 1:
        return name[:place] + str(draw.choice(list("_aé.- "))) + name[place:]
    return name.upper() if kind == 2 else name


def layer_of(draw: np.random.Generator) -> dict[str, Any]:
    """A recipe of a model, with up to three keys of any value."""
    model = str(draw.choice(list(MODELS)))
    found: dict[str, Any] = {"model": {"name": model}, "data": {"source": "log.csv"}}
    for _ in range(draw.integers(1, 4)):
        section = str(draw.choice([*SECTIONS, "model", "model", "training"]))
        key = damaged(str(draw.choice(keys_of(section, model))), draw)
        value = ODD[draw.integers(len(ODD))]
        if draw.random() < 0.1:
            found[damaged(section, draw)] = value
        elif isinstance(found.setdefault(section, {}), dict):
            found[section][key] = value
    return found


def check_layer(number: int) -> str:
    layer = layer_of(np.random.default_rng([SEED, 2, number]))
    try:
        recipe = make_recipe(layer)
    except InputError:
        return REFUSED
    except Exception as error:
        raise AssertionError(f"recipe {number}: {layer}") from error
    kept = recipe.model_dump(mode="python")
    for section, keys in layer.items():
        for key, value in keys.items() if isinstance(keys, dict) else ():
            assert is_kept(kept.get(section), key, value), f"recipe {number}: {section}.{key}={value!r} of {layer}"
    again = make_recipe(yaml.safe_load(recipe.to_yaml()))
    assert again == recipe, f"recipe {number}: {layer}"
    return ACCEPTED


def is_kept(section: Any, key: str, value: Any) -> bool:
    """Whether a key of the recipe is what was given, as a value of its type ("1" as 1); null takes a key away, {} says
    nothing."""
    if value is None or value == {} or key == "name":
        return True
    if isinstance(value, bytes):
        value = value.decode()
    found = section.get(key, section) if isinstance(section, dict) else section
    if isinstance(found, list | tuple):
        return list(found) == (list(value) if isinstance(value, list | tuple) else [value])
    return bool(found == value) or (isinstance(value, str) and bool(found == yaml.safe_load(value)))


def check_text(number: int, folder: Path) -> str:
    """A file of a recipe, with bytes changed."""
    draw = np.random.default_rng([SEED, 3, number])
    text = make_recipe({"model": {"name": "SASRec"}, "data": {"source": "log.csv"}}).to_yaml().encode()
    for _ in range(draw.integers(1, 4)):
        place = int(draw.integers(len(text)))
        text = text[:place] + MARKS[draw.integers(len(MARKS))] + text[place + int(draw.integers(3)) :]
    path = folder / "recipe.yaml"
    path.write_bytes(text)
    return verdict(f"recipe file {number}: {text!r}", lambda: make_recipe(read_layer(path)))


def test_recipes_are_refused_by_name_or_kept_as_given(tmp_path: Path) -> None:
    found = Counter(map(check_layer, range(SLICE)))
    found += Counter(check_text(number, tmp_path) for number in range(SLICE // 3))
    assert found[REFUSED]
    assert found[ACCEPTED]


@pytest.mark.slow
def test_recipes_for_minutes(tmp_path: Path) -> None:
    tell("recipe keys and values", Counter(map(check_layer, numbers(SLICE, 0.1, 500))))
    tell("recipe files", Counter(check_text(number, tmp_path) for number in numbers(SLICE, 0.05, 500)))
