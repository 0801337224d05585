"""Recipe keys from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from nextitem.errors import InputError, suggest
from nextitem.keys import is_list, split_at_commas
from nextitem.recipe.commands import RUN, Command
from nextitem.recipe.layers import Layer
from nextitem.recipe.sections import Recipe

# What everyone types (RecStudio, RecBole, SASRec.pytorch and their kin), as spellings of recipe keys.
SPELLINGS = {
    "--learning_rate": "--training.learning_rate",
    "--lr": "--training.learning_rate",
    "--optimizer": "--training.optimizer",
    "--learner": "--training.optimizer",
    "--weight_decay": "--training.weight_decay",
    "--epochs": "--training.epochs",
    "--epoch": "--training.epochs",
    "--num_epochs": "--training.epochs",
    "--batch_size": "--training.batch_size",
    "--train_batch_size": "--training.batch_size",
    "--device": "--training.device",
    "--threads": "--training.threads",
    "--patience": "--training.patience",
    "--metrics": "--evaluation.metrics",
    "--eval_batch_size": "--evaluation.batch_size",
    "--dim": "--model.dim",
    "--embed_dim": "--model.dim",
    "--embedding_size": "--model.dim",
    "--hidden_units": "--model.dim",
    "--num_layers": "--model.num_layers",
    "--num_heads": "--model.num_heads",
    "--dropout": "--model.dropout",
    "--dropout_rate": "--model.dropout",
    "--max_length": "--model.max_length",
    "--maxlen": "--model.max_length",
    "--max_seq_length": "--model.max_length",
    "--loss": "--loss.name",
    "--sampler": "--loss.sampler",
    "--negative_count": "--loss.num_negatives",
    "--num_negatives": "--loss.num_negatives",
    "--split": "--split.kind",
    "--split_mode": "--split.kind",
}
# Options of other codes that stand for no key alone -> what to type here.
ELSEWHERE = {
    "--gpu": "--device cuda",
    "--gpu_id": "--device cuda",
    "--cuda": "--device cuda",
    "--use_gpu": "--device cuda",
    "--dataset": "--data",
    "--config": "--recipe FILE",
    "--config_files": "--recipe FILE",
    "--random_seed": "--seed",
    "--save_dir": "--out",
    "--output": "--out",
    "--checkpoint_dir": "--out",
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
        typed, has_value, value = rest.pop(0).partition("=")
        key = typed.replace("-", "_").replace("__", "--", 1) if typed.startswith("--") else typed
        key = SPELLINGS.get(key, key)
        if not key.startswith("--"):
            raise InputError(f'"{key}" is not an option; recipe keys are written --section.key value')
        if "." not in key and key != "--seed":
            short = [one for one, long in SPELLINGS.items() if long[2:].partition(".")[0] in command.sections]
            is_known = key in ELSEWHERE and "training" in command.sections
            hint = f"take {ELSEWHERE[key]}" if is_known else suggest(key, [*own, *short])
            raise InputError(
                f"nextitem {command.name}: there is no option {typed}; {hint}{'' if hint.endswith('?') else '.'} "
                "Recipe keys are written --section.key value"
            )
        if not has_value:
            if not rest:
                raise InputError(f"{key} needs a value")
            value = rest.pop(0)
        path = key.removeprefix("--")
        flat[path] = value if is_text(path) and value != "null" else _read(key, value)
        if isinstance(flat[path], str) and is_several(path):
            flat[path] = split_at_commas(value)
    layer = layer_of(flat)
    command.check(layer)
    return layer


def split_source(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The one word that belongs to no key, which is the data, and the rest.

    >>> split_source(["clicks.csv", "--training.epochs", "3"]), split_source(["--training.epochs=3", "ml-1m"])
    (('clicks.csv', ['--training.epochs', '3']), ('ml-1m', ['--training.epochs=3']))

    Raises:
        InputError: there are two.
    """
    words, keys, rest = [], list[str](), list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            words.append(word)
            continue
        keys.append(word)
        if "=" not in word and rest:
            keys.append(rest.pop(0))
    if len(words) > 1:
        raise InputError(f"data is one name, file or folder, found {words[0]!r} and {words[1]!r}; leave one out")
    return (words[0] if words else None), keys


def is_text(path: str) -> bool:
    """Whether the values of the recipe key `section.key` are text, or one of some words.

    >>> is_text("data.separator"), is_text("training.optimizer"), is_text("training.threads"), is_text("data.weights")
    (True, True, False, False)
    """
    return _takes_text(_type_of(path))


def is_several(path: str) -> bool:
    """Whether the recipe key `section.key` takes a list.

    >>> is_several("evaluation.metrics"), is_several("training.epochs")
    (True, False)
    """
    return is_list(_type_of(path))


def _type_of(path: str) -> Any:
    """Of the recipe key `section.key`, None where no section lists it (a model's, a loss's)."""
    section, _, key = path.partition(".")
    sections = {name: type(field.default) for name, field in Recipe.model_fields.items()}
    if section not in sections or not issubclass(sections[section], BaseModel):
        return None
    field = sections[section].model_fields.get(key)
    return field and field.annotation


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
