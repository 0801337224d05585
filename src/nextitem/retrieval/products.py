"""Which models an index is made for: those whose scores are products of a query and a vector an item."""

from __future__ import annotations

from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.models.towers import ItemTower


def has_products(model: type[Recommender]) -> bool:
    """Whether all its scores are inner products of what its scorer makes of a query, and of a vector an item."""
    return issubclass(model, ItemTower) and model.score is ItemTower.score


def of_products(model: Recommender, name: str) -> ItemTower:
    """The model; `name` is what an error calls it.

    Raises:
        InputError: its scores are something else.
    """
    if isinstance(model, ItemTower) and has_products(type(model)):
        return model
    able = ", ".join(name for name, one in MODELS.items() if has_products(one))
    raise InputError(
        f"the scores of {name} are no products of a query and a vector an item, which is what an index is made of; "
        f"leave ann out (every item is scored then), or take a model that has them: {able}"
    )
