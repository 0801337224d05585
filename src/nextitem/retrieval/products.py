"""Which models an index is made for: those whose scores are products of a query and a vector an item."""

from __future__ import annotations

from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.models.products import has_products, with_products
from nextitem.models.towers import ItemTower


def of_products(model: Recommender, name: str) -> ItemTower:
    """The model; `name` is what an error calls it.

    Raises:
        InputError: its scores are something else.
    """
    if tower := with_products(model):
        return tower
    able = ", ".join(name for name, one in MODELS.items() if has_products(one))
    raise InputError(
        f"the scores of {name} are no products of a query and a vector an item, which is what an index is made of; "
        f"leave ann out (every item is scored then), or take a model that has them: {able}"
    )
