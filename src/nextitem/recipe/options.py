"""Recipe keys from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from nextitem.errors import InputError, suggest
from nextitem.recipe.commands import RUN, Command
from nextitem.recipe.layers import Layer

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
    """`--section.key value` and `--section.key=value` as a layer of a recipe; null takes a lower layer's value away.

    `own`: the options that `command` has beside keys, which a wrong one may have meant.

    >>> parse_keys(["--training.epochs", "20", "--model.norm=pre"])
    {'training': {'epochs': 20}, 'model': {'norm': 'pre'}}

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
        try:
            flat[key.removeprefix("--")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"{key}: {value!r} is not a value ({error})") from error
    layer = layer_of(flat)
    command.check(layer)
    return layer


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
