"""Comparing two recipes, key by key."""

from __future__ import annotations

from typing import Any

import yaml

from nextitem.models.catalogue import is_ours
from nextitem.recipe.layers import Layer, make_recipe, read_unchecked
from nextitem.recipe.sections import Recipe


def comparable(layer: Layer) -> Recipe:
    """A recipe that is written out; of somebody's own model its sections alone are checked, since no code is run."""
    model = layer.get("model")
    is_own = isinstance(model, dict) and isinstance(model.get("name"), str) and not is_ours(model["name"])
    return read_unchecked(layer) if is_own else make_recipe(layer)


def differences(one: Recipe, other: Recipe) -> list[str]:
    """`training.epochs: 20, not 2` for every key in which two recipes differ."""
    first, second = _flat(yaml.safe_load(one.to_yaml())), _flat(yaml.safe_load(other.to_yaml()))
    keys = sorted(first.keys() | second.keys())
    return [f"{key}: {first.get(key)}, not {second.get(key)}" for key in keys if first.get(key) != second.get(key)]


def _flat(layer: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in layer.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
