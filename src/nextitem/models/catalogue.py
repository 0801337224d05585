"""The models by name, and their arguments. `names.py` lists them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

from nextitem.data.training_data import Sizes
from nextitem.keys import Key, check_keys, keys_of, named
from nextitem.models import names
from nextitem.models.base import Recommender

MODELS: dict[str, type[Recommender]] = {
    name: model for name, model in sorted(vars(names).items()) if not name.startswith("_")
}

SIZES = tuple(one.name for one in fields(Sizes))  # what the data says, not the recipe


def find(name: str) -> type[Recommender]:
    """The class of a model.

    Raises:
        InputError: no model has this name; the nearest one is named.
    """
    return named("there is no model", name, MODELS)


def arguments(name: str) -> dict[str, Key]:
    """What the constructor takes beside the sizes of the data: a recipe's `model` keys."""
    return keys_of(find(name), SIZES)


def make(name: str, sizes: Sizes, given: dict[str, Any]) -> Recommender:
    """A model with its first weights, drawn from torch's global random state; it takes the sizes that it names."""
    model = find(name)
    wanted = inspect.signature(model.__init__).parameters
    return model(**{size: getattr(sizes, size) for size in SIZES if size in wanted}, **given)


def check_arguments(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a model, the given ones checked against its signature, the others by default.

    Raises:
        InputError: an argument that the model does not have, a value of the wrong type, or a required one not given.
    """
    return check_keys("model", name, arguments(name), given)
