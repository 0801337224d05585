"""Paths: what names a file or a folder in Python may be a text or a Path."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import nextitem as ni
from nextitem.data.synthetic import markov_chain


def test_every_public_function_takes_both() -> None:
    found = [
        f"{name}({parameter.name})"
        for name, function in _functions(ni, "ni").items()
        for parameter in inspect.signature(function).parameters.values()
        if "Path" in str(parameter.annotation) and "str" not in str(parameter.annotation)
    ]
    assert not found


def _functions(place: ModuleType, name: str) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for key in getattr(place, "__all__", dir(place)):
        one = getattr(place, key)
        if isinstance(one, ModuleType) and one.__name__.startswith("nextitem"):
            found |= _functions(one, f"{name}.{key}")
        elif inspect.isfunction(one):
            found[f"{name}.{key}"] = one
        elif inspect.isclass(one) and one.__module__.startswith("nextitem"):
            methods = {method: getattr(one, method) for method in vars(one) if not method.startswith("_")}
            found |= {f"{name}.{key}.{method}": it for method, it in methods.items() if callable(it)}
    return found


def test_a_data_set_is_saved_and_loaded_by_a_text(tmp_path: Path) -> None:
    dataset = markov_chain(order=1, num_users=9, num_items=5, mean_length=6, seed=0)
    dataset.save(str(tmp_path / "kept"))
    assert ni.Dataset.load(str(tmp_path / "kept")).num_interactions == dataset.num_interactions


def test_what_is_no_recipe_of_data_is_refused(tmp_path: Path) -> None:
    recipe = ni.make_recipe({"model": {"name": "Popularity"}})
    with pytest.raises(ni.InputError, match=r"data must be a DataRecipe or NoneType, found a str: 'log.csv'"):
        ni.run(recipe, tmp_path / "out", data="log.csv")  # type: ignore[arg-type]
    with pytest.raises(ni.InputError, match=r"out must be a str or Path, found an int: 3"):
        next(iter(ni.events(recipe, 3)))  # type: ignore[arg-type]
