"""The models by name, and their arguments. `names.py` lists them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from importlib import import_module
from typing import Any

from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.keys import Key, check_keys, keys_of, named
from nextitem.models import names
from nextitem.models.base import Recommender
from nextitem.models.contents import NOTHING, Contents
from nextitem.models.installed import brought_by, installed
from nextitem.models.with_contents import WithContents

MODELS: dict[str, type[Recommender]] = {
    name: model for name, model in sorted(vars(names).items()) if not name.startswith("_")
}

SIZES = (*(one.name for one in fields(Sizes)), "sizes")  # what the data says, not the recipe; sizes: all of them
MADE = {"Blend": "nextitem.models.blend"}  # made of finished runs: no recipe trains one, so MODELS has it not
OURS = frozenset((*MODELS, *MADE))  # names that are never those of other people's code


def find(name: str) -> type[Recommender]:
    """The class of one of our models.

    Raises:
        InputError: no model has this name, and the nearest one is named; or it is that of a model of the user's own.
    """
    if name in MADE:
        made: type[Recommender] = getattr(import_module(MADE[name]), name)
        return made
    if name not in MODELS:
        _refuse_own(name)
    return named("there is no model", name, MODELS)


def arguments(model: type[Recommender]) -> dict[str, Key]:
    """A recipe's `model` keys: what the constructor takes beside the sizes of the data, and the contents that a model
    may have."""
    return keys_of(model, SIZES) | (keys_of(Contents) if takes_contents(model) else {})


def takes_contents(model: type[Recommender]) -> bool:
    """Whether the keys of `Contents` are among its own."""
    return issubclass(model, WithContents) and model.takes_contents


def contents_of(model: type[Recommender], given: dict[str, Any]) -> Contents:
    """Those of the arguments that are its contents; by default none.

    Raises:
        InputError: some of them have no use for each other.
    """
    keys = keys_of(Contents) if takes_contents(model) else {}
    return Contents(**{name: value for name, value in given.items() if name in keys})


def needs_of(model: type[Recommender], given: dict[str, Any]) -> tuple[str, ...]:
    """What the data must have for a model of these arguments: knowledge, trust, item_attributes, user_attributes."""
    return (*model.needs, *contents_of(model, given).needs)


def make(model: type[Recommender], sizes: Sizes, given: dict[str, Any]) -> Recommender:
    """A model with its first weights, drawn from torch's global random state; it takes the sizes that it names."""
    wanted, contents = inspect.signature(model.__init__).parameters, contents_of(model, given)
    own = {name: value for name, value in given.items() if name in wanted or not takes_contents(model)}
    known = {"sizes": sizes, **{one.name: getattr(sizes, one.name) for one in fields(Sizes)}}
    made = model(**{size: value for size, value in known.items() if size in wanted}, **own)
    if isinstance(made, WithContents) and contents != NOTHING:
        made.take_contents(contents, sizes.item_attributes)
    return made


def check_arguments(model: type[Recommender], given: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a model, the given ones checked against its signature, the others by default.

    Raises:
        InputError: an argument that the model does not have, a value of the wrong type, or a required one not given.
    """
    return check_keys("model", model.__name__, arguments(model), given)


def _refuse_own(name: str) -> None:
    """Code of other people's is never run because a file names it."""
    if ":" in name:
        whose = "code of your own"
    elif points := installed().get(name):
        whose = f"code that {brought_by(points[0])} brings"
    else:
        return
    raise InputError(
        f"the model {name} is {whose}, which runs only where you name it: with -m {name} on the command line, with "
        "--trust-code where a file names it, in Python with models=[..], its class"
    )
