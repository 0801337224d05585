"""A recipe is made of layers: defaults, then the model's own recipe, then a file, then the command line."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from nextitem.data.batches import batch_keys
from nextitem.data.splits.codes import parse_code
from nextitem.errors import InputError, suggest
from nextitem.evaluation.metrics import check
from nextitem.models.base import Fitted, Trained
from nextitem.models.catalogue import MODELS, check_arguments, find
from nextitem.recipe.checks import check_training, with_batch_keys, with_negatives
from nextitem.recipe.sections import FORMAT, DataRecipe, ModelRecipe, Recipe

Layer = dict[str, Any]  # some keys of a recipe, nested by section


def make_recipe(*layers: Mapping[str, object]) -> Recipe:
    """A recipe made of layers: defaults, the model's own recipe, then these `layers`; the later ones win.

    The model's own is `recipes/NAME.yaml`, and over it `recipes/NAME.DATA.yaml` where the data source has one.

    >>> make_recipe({"model": {"name": "ZeroBlock", "dim": 32}}).model.arguments["dim"]
    32

    Raises:
        InputError: a key that no section has (the nearest right one is named), or a value of the wrong type.
    """
    given: Layer = reduce(_merged, map(dict, layers), Layer())
    for section, keys in given.items():
        is_section = section in Recipe.model_fields and section not in ("format", "seed")
        if is_section and keys is not None and not isinstance(keys, dict):
            raise InputError(f"recipe: {section} is a section with keys of its own, found {keys!r}")
    given = _decoded(given)
    name = (given.get("model") or {}).get("name", ModelRecipe().name)
    if not isinstance(name, str):
        raise InputError(f"recipe: model.name is a model's name, such as {ModelRecipe().name}; found {name!r}")
    source = (given.get("data") or {}).get("source", DataRecipe().source)
    model = find(name)
    merged: Layer = reduce(_merged, (_own_recipe(name), _own_recipe(f"{name}.{source}"), given), Layer())
    sections = {"loss": model.takes_objective, "training": issubclass(model, Trained)}
    unused = [section for section, is_used in sections.items() if not is_used]
    for section in unused:
        if given.get(section) is not None:
            raise InputError(f"{section}.{next(iter(given[section]))}: {name} takes no {section} keys")
    merged |= dict.fromkeys(unused)
    if issubclass(model, Trained):
        merged["training"] = {"batches": model.trains_on[0]} | (merged.get("training") or {})
        kind = merged["training"]["batches"]
        if kind not in model.trains_on:
            raise InputError(
                f'training.batches: {name} trains on {" or ".join(model.trains_on)} batches, found "{kind}"'
            )
    arguments = {key: value for key, value in (merged.get("model") or {}).items() if key != "name"}
    merged["model"] = {"name": name} | check_arguments(name, arguments)
    try:
        recipe = Recipe.model_validate(merged)
    except ValidationError as error:
        raise InputError(_explain(error)) from error
    if recipe.loss is not None:
        recipe = recipe.model_copy(update={"loss": with_negatives(recipe.loss, name)})
    if recipe.data.weight is not None and not model.takes_weights:
        weighing = ", ".join(sorted(one for one, kind in MODELS.items() if kind.takes_weights))
        raise InputError(f"data.weight: {name} counts all interactions alike; leave it out, or take one of {weighing}")
    if recipe.training is not None:
        training = with_batch_keys(recipe.training)
        recipe = recipe.model_copy(update={"training": training})
        check_training(training, recipe.loss)
    for metric in (*recipe.evaluation.metrics, *([recipe.training.monitor] if recipe.training else [])):
        check(metric)
    for baseline in recipe.evaluation.baselines:
        if not issubclass(find(baseline), Fitted):
            raise InputError(
                f"evaluation.baselines: {baseline} is trained by gradients; a baseline is fitted in one go"
            )
    return recipe


def with_training(recipe: Recipe, keys: Layer) -> Recipe:
    """The recipe of a model that is trained, with other keys of its training section.

    Raises:
        InputError: a key that there is not, a value of the wrong type, or keys that exclude each other.
    """
    assert recipe.training is not None
    try:
        recipe = Recipe.model_validate(recipe.model_dump() | {"training": recipe.training.model_dump() | keys})
    except ValidationError as error:
        raise InputError(_explain(error)) from error
    assert recipe.training is not None
    training = with_batch_keys(recipe.training)
    check_training(training, recipe.loss)
    check(training.monitor)
    return recipe.model_copy(update={"training": training})


def make_data_recipe(*layers: Layer) -> DataRecipe:
    """The data section alone, for what needs no model.

    Raises:
        InputError: a key that it does not have, or another section.
    """
    merged: Layer = reduce(_merged, layers, Layer())
    others = [section for section in merged if section != "data"]
    if others:
        raise InputError(f'preparation takes data keys alone (--data.user_core 5), found "{others[0]}"')
    try:
        return Recipe.model_validate(_decoded(merged)).data
    except ValidationError as error:
        raise InputError(_explain(error)) from error


def read_layer(path: Path) -> Layer:
    """A recipe file, or a part of one.

    Raises:
        InputError: the file is missing, or is not YAML with sections.
    """
    try:
        layer = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"recipe {path} cannot be read: {error}") from error
    if not isinstance(layer, dict):
        raise InputError(
            f"recipe {path} must be sections with keys, such as `model: {{name: SASRec}}`, found {layer!r}"
        )
    if layer.get("format", FORMAT) != FORMAT:
        raise InputError(
            f"{path} is of format {layer['format']}, this version of nextitem reads format {FORMAT}; "
            "install the version that wrote it, or run again"
        )
    return _without_idle(layer)


def _without_idle(layer: Layer) -> Layer:
    """A layer without keys of cloze batches beside another kind, where earlier versions wrote them to no effect."""
    training = layer.get("training")
    if not isinstance(training, dict) or training.get("batches", "cloze") == "cloze":
        return layer
    return {**layer, "training": {key: value for key, value in training.items() if key not in batch_keys("cloze")}}


def _decoded(given: Layer) -> Layer:
    """The keys that a code in the place of the source stands for; those given beside it are stronger."""
    source = (given.get("data") or {}).get("source")
    code = parse_code(source) if isinstance(source, str) and not Path(source).exists() else None
    if code is None:
        return given
    keys = {**given, "data": {**given["data"], "source": code.data["source"]}}
    return _merged({"data": code.data, "split": code.split}, keys)


def _own_recipe(name: str) -> Layer:
    file = resources.files("nextitem").joinpath("recipes", f"{name}.yaml")
    layer: Layer = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return layer


def _merged(under: Layer, over: Layer) -> Layer:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _explain(error: ValidationError) -> str:
    """The first fault, with the nearest right key."""
    fault = error.errors()[0]
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden":
        path = ".".join(path.split(".")[:2])  # without the member of a union
        quotes = "; text that reads as something else stands in quotes" if fault["type"] == "string_type" else ""
        return f"recipe: {path}: {fault['msg']}; found {fault['input']!r}{quotes}"
    *sections, key = fault["loc"]
    fields = Recipe.model_fields
    if sections:
        default = fields[str(sections[0])].default
        fields = type(default).model_fields
    return f'recipe: there is no key "{path}"; {suggest(str(key), fields)}'
