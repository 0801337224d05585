"""Recipe keys from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from nextitem.errors import InputError, suggest
from nextitem.recipe.commands import RUN, Command
from nextitem.recipe.layers import Layer
from nextitem.recipe.sections import Recipe

# RecStudio's options, as spellings of recipe keys.
SPELLINGS = {
    "--learning_rate": "--training.learning_rate",
    "--learner": "--training.optimizer",
    "--weight_decay": "--training.weight_decay",
    "--epochs": "--training.epochs",
    "--batch_size": "--training.batch_size",
    "--eval_batch_size": "--evaluation.batch_size",
    "--embed_dim": "--model.dim",
    "--sampler": "--loss.sampler",
    "--negative_count": "--loss.num_negatives",
    "--split_mode": "--split.kind",
}


def parse_keys(arguments: list[str], command: Command = RUN, own: Iterable[str] = ()) -> Layer:
    """`--section.key value` and `--section.key=value` as a layer of a recipe.

    What is typed after a key whose values are text (a separator, a column, a file) is that text: `|`, `no`, `2024`. All
    else is read as YAML: numbers, true and false, lists, dates. The word null takes a lower layer's value away, from
    whatever key; what is really called null is named in a recipe file, in quotes. `own`: the options that `command` has
    beside keys, which a wrong one may have meant.

    >>> parse_keys(["--training.epochs", "20", "--data.user=no", "--data.separator", "|"])
    {'training': {'epochs': 20}, 'data': {'user': 'no', 'separator': '|'}}
    >>> parse_keys(["--data.separator", "null"])
    {'data': {'separator': None}}

    Raises:
        InputError: something that is not such a pair, or a key that the command does not take.
    """
    flat: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        key, has_value, value = rest.pop(0).partition("=")
        key = SPELLINGS.get(key, key)
        if not key.startswith("--"):
            raise InputError(f'"{key}" is not an option; recipe keys are written --section.key value')
        if "." not in key and key != "--seed":
            short = [one for one, long in SPELLINGS.items() if long[2:].partition(".")[0] in command.sections]
            hint = suggest(key, [*own, *short])
            raise InputError(
                f"nextitem {command.name}: there is no option {key}; {hint}{'' if hint.endswith('?') else '.'} "
                "Recipe keys are written --section.key value"
            )
        if not has_value:
            if not rest:
                raise InputError(f"{key} needs a value")
            value = rest.pop(0)
        path = key.removeprefix("--")
        flat[path] = value if is_text(path) and value != "null" else _read(key, value)
    layer = layer_of(flat)
    command.check(layer)
    return layer


def is_text(path: str) -> bool:
    """Whether the values of the recipe key `section.key` are text, or one of some words.

    >>> is_text("data.separator"), is_text("training.optimizer"), is_text("training.threads"), is_text("data.weights")
    (True, True, False, False)
    """
    section, _, key = path.partition(".")
    sections = {name: type(field.default) for name, field in Recipe.model_fields.items()}
    if section not in sections or not issubclass(sections[section], BaseModel):
        return False
    field = sections[section].model_fields.get(key)
    return field is not None and _takes_text(field.annotation)


def _takes_text(annotation: Any) -> bool:
    if get_origin(annotation) is Literal:
        return all(isinstance(one, str) for one in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return all(_takes_text(one) for one in get_args(annotation) if one is not NoneType)
    return annotation is str


def _read(key: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"{key}: {value!r} is not a value ({error})") from error


def layer_of(flat: dict[str, Any]) -> Layer:
    """{"model.dim": 64} -> {"model": {"dim": 64}}; None is a value too."""
    layer: Layer = {}
    for path, value in flat.items():
        *sections, key = path.split(".")
        inner = layer
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value
    return layer
