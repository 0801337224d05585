"""Which models' scores are products, that may be searched, ranked and exported without the model itself."""

from __future__ import annotations

from nextitem.models.base import Recommender
from nextitem.models.towers import ItemTower


def has_products(kind: type[Recommender]) -> bool:
    """Whether all scores of such models are products of what the scorer makes of a query, and of a vector an item."""
    return issubclass(kind, ItemTower) and kind.score is ItemTower.score


def with_products(model: Recommender) -> ItemTower | None:
    """The model, if its class `has_products`."""
    return model if isinstance(model, ItemTower) and has_products(type(model)) else None
