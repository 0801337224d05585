"""A recipe is made of layers: defaults, then the model's own recipe, then a file, then the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from nextitem.data.sources.public import PUBLIC_DATA
from nextitem.data.splits.codes import parse_code
from nextitem.data.splits.given import given_files
from nextitem.errors import InputError, expect, suggest
from nextitem.evaluation.metrics import check, check_monitor
from nextitem.keys import named
from nextitem.models.base import Fitted, Trained
from nextitem.models.catalogue import MODELS, check_arguments, contents_of, find, trains_on
from nextitem.models.own import Given, OwnModel, among, label
from nextitem.recipe.checks import check_training, refuse_some_targets, with_batch_keys, with_negatives
from nextitem.recipe.data import DataRecipe
from nextitem.recipe.sections import FORMAT, ModelRecipe, Open, Recipe

LIKE = ("recstudio",)  # libraries whose settings are kept, recipes/like/NAME.yaml
ROWS_OF_USERS = ("next_item", "cloze")  # batches that have a row a user
CLOZE = ("mask_share", "newest_share")  # keys of cloze batches alone
Layer = dict[str, Any]  # some keys of a recipe, nested by section


def make_recipe(*layers: Mapping[str, object], models: Sequence[Given] = ()) -> Recipe:
    """A recipe made of layers: defaults, the model's own recipe, then these `layers`; the later ones win.

    The model's own is `recipes/NAME.yaml`, and over it `recipes/NAME.DATA.yaml` where the data source has one; of other
    data `suiting.suited` knows more, once they are read.

    A layer's key `like` names a setting of another library (`recipes/like/`), whose keys stand just under the layers.
    `models` are classes of your own that `model.name` may mean, by the name of the class; the recipe of one of them is
    looked for beside its file.

    >>> make_recipe({"model": {"name": "ZeroBlock", "dim": 32}}).model.arguments["dim"]
    32

    Raises:
        InputError: a key that no section has (the nearest right one is named), a value of the wrong type, or a model
            that is neither ours nor one of `models`.
    """
    for layer in layers:
        expect("a layer of a recipe", layer, dict, 'write sections with keys: {"model": {"name": "SASRec"}}')
    given: Layer = reduce(_merged, map(dict, layers), Layer())
    like = given.pop("like", None)
    _refuse_flat(given)
    given = _split_as_given(_decoded(given))
    name = (given.get("model") or {}).get("name", ModelRecipe().name)
    if not isinstance(name, str):
        raise InputError(f"recipe: model.name is a model's name, such as {ModelRecipe().name}; found {name!r}")
    source = (given.get("data") or {}).get("source", DataRecipe().source)
    own = among(name, models)
    model = find(name) if own is None else own.model
    under = (_own_recipe(name), _own_recipe(name, source)) if own is None else _beside(own, source, given)
    merged: Layer = reduce(_merged, (*under, *_settings_like(like, name, source), given), Layer())
    full_name = name if own is None else own.name
    name = label(full_name)
    sections = {"loss": model.takes_objective, "training": issubclass(model, Trained)}
    unused = [section for section, is_used in sections.items() if not is_used]
    for section in unused:
        if merged.get(section):
            key = next(iter(merged[section]))
            way = "leave it out, or keep such rows alone with data.min_rating" if key == "target_rating" else ""
            raise InputError(f"{section}.{key}: {name} takes no {section} keys; {way or 'leave it out'}")
    merged |= dict.fromkeys(unused)
    arguments = {key: value for key, value in (merged.get("model") or {}).items() if key != "name"}
    arguments = check_arguments(model, arguments)
    merged["model"] = {"name": full_name} | arguments
    if issubclass(model, Trained):
        kinds = trains_on(model, arguments)
        merged["training"] = {"batches": kinds[0]} | (merged.get("training") or {})
        kind = merged["training"]["batches"]
        if kind not in kinds:
            who = name if kinds == model.trains_on else f"{name} with model.contrast {arguments['contrast']}"
            raise InputError(f'training.batches: {who} trains on {" or ".join(kinds)} batches, found "{kind}"')
    if contents_of(model, arguments).needs:
        merged["data"] = {"side": "beside"} | (merged.get("data") or {})
    recipe = read_unchecked(merged)
    recipe = recipe.model_copy(update={"model": recipe.model.of(own)})
    if recipe.loss is not None:
        recipe = recipe.model_copy(update={"loss": with_negatives(recipe.loss, model)})
    if recipe.data.weight is not None and not model.takes_weights:
        weighing = ", ".join(sorted(one for one, kind in MODELS.items() if kind.takes_weights))
        raise InputError(f"data.weight: {name} counts all interactions alike; leave it out, or take one of {weighing}")
    if recipe.training is not None:
        training = with_batch_keys(recipe.training)
        assert issubclass(model, Trained)  # others have no training section
        refuse_some_targets(training, model)
        recipe = recipe.model_copy(update={"training": training})
        check_training(training, recipe.loss)
    _check_measures(recipe)
    is_open = own is None and like is None and not _own_recipe(name, source)
    return recipe.with_open(_nobody_chose(recipe, given)) if is_open else recipe


def _nobody_chose(recipe: Recipe, given: Layer) -> Open | None:
    """Of the keys that are not given, what the data may yet decide."""
    own, training = _own_recipe(f"{recipe.model.name}.long"), given.get("training") or {}
    left = {name: {key: keys[key] for key in keys.keys() - (given.get(name) or {})} for name, keys in own.items()}
    for_long = {name: keys for name, keys in left.items() if keys}
    has_rows = recipe.training is not None and (recipe.training.batches in ROWS_OF_USERS or "training" in for_long)
    compares = recipe.model.kind.compares_rows or recipe.model.arguments.get("contrast", "none") != "none"
    follows_users = has_rows and not compares and "batch_size" not in training
    return Open(for_long, follows_users) if for_long or follows_users else None


def _refuse_flat(layer: Layer) -> None:
    for section, keys in layer.items():
        is_section = section in Recipe.model_fields and section not in ("format", "seed")
        if is_section and keys is not None and not isinstance(keys, dict):
            raise InputError(f"recipe: {section} is a section with keys of its own, found {keys!r}")
        for key in keys if isinstance(keys, dict) else ():
            if not isinstance(key, str):
                raise InputError(f"recipe: the keys of {section} are names, found {key!r}; write it as text")


def _check_measures(recipe: Recipe) -> None:
    """The metrics, and the baselines, which are of ours."""
    for metric in recipe.evaluation.metrics:
        check(metric)
    if recipe.training:
        check_monitor(recipe.training.monitor, "training.monitor")
    for baseline in recipe.evaluation.baselines:
        if ":" in baseline:
            raise InputError(f"evaluation.baselines: a baseline is one of ours, found {baseline}; run yours by itself")
        if not issubclass(named("there is no model", baseline, MODELS), Fitted):
            raise InputError(
                f"evaluation.baselines: {baseline} is trained by gradients; a baseline is fitted in one go"
            )


def read_unchecked(layer: Layer) -> Recipe:
    """A recipe that is written out, by its sections alone: what its model would say of the keys is not asked.

    Raises:
        InputError: a key that a section does not have, or a value of the wrong type.
    """
    try:
        return Recipe.model_validate(layer)
    except ValidationError as error:
        raise InputError(_explain(error)) from error


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
    check_monitor(training.monitor, "training.monitor")
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
    return {**layer, "training": {key: value for key, value in training.items() if key not in CLOZE}}


def _decoded(given: Layer) -> Layer:
    """The keys that a code in the place of the source stands for; those given beside it are stronger."""
    source = (given.get("data") or {}).get("source")
    code = parse_code(source) if isinstance(source, str) and not os.path.exists(source) else None
    if code is None:
        return given
    keys = {**given, "data": {**given["data"], "source": code.data["source"]}}
    return _merged({"data": code.data, "split": code.split}, keys)


def _split_as_given(given: Layer) -> Layer:
    """Data that comes in files of a split, named, in a folder or public, is split so, unless another is asked for."""
    data, split = given.get("data") or {}, given.get("split") or {}
    if split.get("kind") is not None or data.get("parts", "keep") != "keep":
        return given
    source = data.get("source")
    folder = Path(os.path.expanduser(source)) if isinstance(source, str) else Path()
    public = PUBLIC_DATA.get(source) if isinstance(source, str) else None
    in_folder = source is not None and public is None and os.path.isdir(folder) and given_files(folder) is not None
    is_split = in_folder or (public is not None and bool(public.held_out))
    if data.get("test_file") is None and not is_split:
        return given
    return _merged(given, {"split": {"kind": "given"}})


def _settings_like(other: object, model: str, source: object) -> tuple[Layer, ...]:
    """What another library does for every model, and then for this one on these data."""
    if other is None:
        return ()
    if other not in LIKE:
        raise InputError(f"like: the settings of {' and '.join(LIKE)} are known here, found {other!r}")
    return _own_recipe(f"like/{other}"), _own_recipe(f"like/{other}.{model}", source)


def _own_recipe(name: str, source: object = None) -> Layer:
    """What the package has of that name, or of that name on a public data set."""
    if source is not None and not (isinstance(source, str) and source in PUBLIC_DATA):
        return {}
    file = resources.files("nextitem").joinpath("recipes", f"{name}{'' if source is None else f'.{source}'}.yaml")
    layer: Layer = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return layer


def _beside(own: OwnModel, source: object, given: Layer) -> list[Layer]:
    """`MyModel.yaml` and `MyModel.DATA.yaml` beside the file of a model of the user's own; under a recipe that is
    written out, as in a run folder, nothing lies, since they may have changed."""
    if Recipe.model_fields.keys() <= given.keys() or own.path is None:
        return []
    names = [own.model.__name__, f"{own.model.__name__}.{source}"]
    paths = [own.path.with_name(f"{name}.yaml") for name in names if Path(name).name == name]
    layers = [read_layer(path) for path in paths if path.is_file()]
    for layer in layers:
        _refuse_flat(layer)
    return layers


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
