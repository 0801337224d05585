"""Recipes that older versions wrote out, before there were keys that there are now."""

from __future__ import annotations

from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.recipe.layers import Layer


def with_keys_before(layer: Layer) -> Layer:
    """A recipe that was written out, with what those keys of its model stood for that it does not name."""
    model = layer.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("name"), str):
        return layer
    return {**layer, "model": {**MODELS.get(model["name"], Recommender).keys_before, **model}}
