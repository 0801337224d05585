"""The models by name. A new model is a line here, a file beside this one, a recipe in `recipes/` and a test."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from nextitem.errors import InputError, suggest
from nextitem.models.base import Recommender
from nextitem.models.general.popularity import Popularity
from nextitem.models.sequential.markov_chain import MarkovChain
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.zero_block import ZeroBlock

MODELS: dict[str, type[Recommender]] = {
    "MarkovChain": MarkovChain,
    "Popularity": Popularity,
    "SASRec": SASRec,
    "ZeroBlock": ZeroBlock,
}


@dataclass(frozen=True)
class Argument:
    name: str
    type: Any
    default: Any


def find(name: str) -> type[Recommender]:
    """The class of a model.

    Raises:
        InputError: no model has this name; the nearest one is named.
    """
    if name not in MODELS:
        raise InputError(f'there is no model "{name}"; {suggest(name, MODELS)}')
    return MODELS[name]


def arguments(name: str) -> dict[str, Argument]:
    """What the constructor takes beside `num_items`: a recipe's `model` keys."""
    constructor = find(name).__init__
    types = get_type_hints(constructor)
    parameters = list(inspect.signature(constructor).parameters.values())[2:]  # after self and num_items
    return {one.name: Argument(one.name, types[one.name], one.default) for one in parameters}


def check_arguments(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """All arguments of a model, the given ones checked against its signature, the others by default.

    Raises:
        InputError: an argument that the model does not have, or a value of the wrong type.
    """
    known = arguments(name)
    checked = {one.name: one.default for one in known.values()}
    for key, value in given.items():
        if key not in known:
            names = suggest(key, known) if known else "it has no arguments"
            raise InputError(f'model.{key}: {name} has no argument "{key}"; {names}')
        try:
            checked[key] = TypeAdapter(known[key].type, config=ConfigDict(strict=False)).validate_python(value)
        except ValidationError as error:
            raise InputError(f"model.{key}: {error.errors()[0]['msg']}; found {value!r}") from error
    return checked
