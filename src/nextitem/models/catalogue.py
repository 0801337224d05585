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
from nextitem.models.base import Recommender, Trained
from nextitem.models.contents import NOTHING, Contents
from nextitem.models.contrast import Contrast
from nextitem.models.installed import brought_by, installed
from nextitem.models.with_contents import WithContents

MODELS: dict[str, type[Recommender]] = {
    name: model for name, model in sorted(vars(names).items()) if not name.startswith("_")
}

SIZES = (*(one.name for one in fields(Sizes)), "sizes")  # what the data says, not the recipe; sizes: all of them
MADE = {"Blend": "nextitem.models.blend"}  # made of finished runs: no recipe trains one, so MODELS has it not


def is_ours(name: str) -> bool:
    """Whether a name is that of one of our models, and never that of other people's code."""
    return name in MODELS or name in MADE


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
    """A recipe's `model` keys: what the constructor takes beside the sizes of the data, and the contents and the
    contrast that a model may have."""
    return keys_of(model, SIZES) | {name: key for kind in options_of(model) for name, key in keys_of(kind).items()}


def options_of(model: type[Recommender]) -> list[type[Contents] | type[Contrast]]:
    """What it may have beside what its constructor takes, by keys of their own."""
    found: list[type[Contents] | type[Contrast]] = [Contents] if takes_contents(model) else []
    return [*found, Contrast] if takes_contrast(model) else found


def takes_contents(model: type[Recommender]) -> bool:
    """Whether the keys of `Contents` are among its own."""
    return issubclass(model, WithContents) and model.takes_contents


def takes_contrast(model: type[Recommender]) -> bool:
    """Whether the keys of `Contrast` are among its own."""
    return issubclass(model, WithContents) and model.takes_contrast


def contents_of(model: type[Recommender], given: dict[str, Any]) -> Contents:
    """Those of the arguments that are its contents; by default none.

    Raises:
        InputError: some of them have no use for each other.
    """
    keys = keys_of(Contents) if takes_contents(model) else {}
    return Contents(**{name: value for name, value in given.items() if name in keys})


def contrast_of(model: type[Recommender], given: dict[str, Any]) -> Contrast:
    """What of the arguments is its contrast; by default none.

    Raises:
        InputError: some of them have no use for each other.
    """
    keys = keys_of(Contrast) if takes_contrast(model) else {}
    return Contrast(**{name: value for name, value in given.items() if name in keys})


def trains_on(model: type[Trained], given: dict[str, Any]) -> tuple[str, ...]:
    """The kinds of batches that a model of these arguments takes, the first by default.

    >>> from nextitem.models import SASRec
    >>> trains_on(SASRec, {"contrast": "duorec"})
    ('prefix',)

    Raises:
        InputError: what its contrast learns from is none that the model takes.
    """
    contrast = contrast_of(model, given)
    if contrast.trains_on is None:
        return model.trains_on
    found = tuple(kind for kind in model.trains_on if kind in contrast.trains_on)
    if not found:
        raise InputError(
            f"model.contrast: {contrast.contrast} learns from {' or '.join(contrast.trains_on)} batches, and "
            f"{model.__name__} from {' or '.join(model.trains_on)}; take another contrast, or another model"
        )
    return found


def needs_of(model: type[Recommender], given: dict[str, Any]) -> tuple[str, ...]:
    """What the data must have for a model of these arguments: knowledge, trust, item_attributes, user_attributes."""
    return (*model.needs_for(given), *contents_of(model, given).needs)


def make(model: type[Recommender], sizes: Sizes, given: dict[str, Any]) -> Recommender:
    """A model with its first weights, drawn from torch's global random state; it takes the sizes that it names."""
    wanted, options = inspect.signature(model.__init__).parameters, options_of(model)
    contents, contrast = contents_of(model, given), contrast_of(model, given)
    own = {name: value for name, value in given.items() if name in wanted or not options}
    known = {"sizes": sizes, **{one.name: getattr(sizes, one.name) for one in fields(Sizes)}}
    made = model(**{size: value for size, value in known.items() if size in wanted}, **own)
    if isinstance(made, WithContents) and contrast.contrast != "none":
        made.take_contrast(contrast)
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
