"""Recipe: a whole run as data. Defaults, then the model's own recipe, then a file, then the command line."""

from __future__ import annotations

from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nextitem.data.batches import BatchKind
from nextitem.errors import InputError, suggest
from nextitem.evaluation.evaluate import DEFAULT_METRICS
from nextitem.evaluation.metrics import check
from nextitem.evaluation.protocol import Seen, Ties
from nextitem.models.base import Fitted, TowerFree, Trained
from nextitem.models.catalogue import check_arguments, find

FORMAT = 1  # of a run folder

OptimizerName = Literal["adam", "adamw", "sgd", "adagrad", "rmsprop"]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Layer = dict[str, Any]  # some keys of a recipe, nested by section


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(Section):
    source: str = "ml-100k"  # a catalogue name, a file or a folder
    folder: str | None = None  # where catalogue data lies already (--data_dir)
    format: str = "auto"
    separator: str | None = None
    user: str | None = None  # names of columns
    item: str | None = None
    timestamp: str | None = None
    rating: str | None = None
    min_rating: float | None = None  # keep ratings of at least this
    duplicates: Literal["keep", "first", "last"] = "keep"  # which of a repeated user-item pair stay
    user_core: Count = 0  # keep users with at least so many interactions
    item_core: Count = 0
    core: Literal["iterated", "once"] = "iterated"


class SplitRecipe(Section):
    kind: Literal["leave_one_out", "user_entry", "entry", "user"] = "leave_one_out"
    min_length: Annotated[int, Field(ge=3)] = 3  # of leave_one_out; SASRec's (FreeRec takes 4)
    valid: Annotated[float, Field(gt=0)] = 0.1  # of the other kinds: shares, or whole numbers
    test: Annotated[float, Field(gt=0)] = 0.1
    order: Literal["random", "time"] = "random"  # of the other kinds: which are held out


class ModelRecipe(BaseModel):
    """`name`, and the arguments of its constructor."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str = "SASRec"

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class LossRecipe(Section):
    name: Literal["cross_entropy", "bce", "bpr"] = "cross_entropy"
    num_negatives: Positive = 1  # a target, for bce and bpr
    sampler: Literal["uniform"] = "uniform"  # over the items that the user did not train on
    sampling: Literal["dynamic", "static"] = "dynamic"  # negatives anew at every step, or once for all


class TrainingRecipe(Section):
    batches: BatchKind = "next_item"  # the model says which kinds it trains on
    mask_share: Annotated[float, Field(gt=0, lt=1)] = 0.2  # of cloze batches
    batch_size: Positive = 256
    epochs: Positive = 100
    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    beta2: Annotated[float, Field(gt=0, lt=1)] = 0.999
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    monitor: str = "ndcg@10"  # on the validation cases
    evaluate_every: Positive = 1  # epochs
    patience: Positive = 10  # validations without a better one
    device: Literal["cpu", "cuda", "mps", "auto"] = "cpu"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    threads: Positive | None = None  # None: as many as there are cores


class EvaluationRecipe(Section):
    metrics: tuple[str, ...] = DEFAULT_METRICS
    candidates: Positive | None = None  # None: full ranking
    seen: Seen = "auto"
    ties: Ties = "expected"
    users: Positive | None = None  # None: all
    memory_mb: Positive = 512
    batch_size: Positive | None = None  # users scored at once at the most; None: as many as the memory allows
    baselines: tuple[str, ...] = ("Popularity", "MarkovChain")


class Recipe(Section):
    """`loss` is None where a model brings its own or needs none; `training` where it is counted, not trained."""

    format: int = FORMAT
    seed: Count = 0
    data: DataRecipe = DataRecipe()
    split: SplitRecipe = SplitRecipe()
    model: ModelRecipe = ModelRecipe()
    loss: LossRecipe | None = LossRecipe()
    training: TrainingRecipe | None = TrainingRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def make_recipe(*layers: Layer) -> Recipe:
    """Defaults under the model's own recipe (`recipes/NAME.yaml`, then `recipes/NAME.DATA.yaml`) under `layers`.

    >>> make_recipe({"model": {"name": "ZeroBlock", "dim": 32}}).model.arguments["dim"]
    32

    Raises:
        InputError: a key that no section has (the nearest right one is named), or a value of the wrong type.
    """
    given: Layer = reduce(_merged, layers, Layer())
    for section, keys in given.items():
        is_section = section in Recipe.model_fields and section not in ("format", "seed")
        if is_section and keys is not None and not isinstance(keys, dict):
            raise InputError(f"recipe: {section} is a section with keys of its own, found {keys!r}")
    name = (given.get("model") or {}).get("name", ModelRecipe().name)
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
    if issubclass(model, TowerFree) and recipe.loss is not None and recipe.loss.name == "cross_entropy":
        raise InputError(f"loss.name: {name} has no item vectors to take a full softmax over; take bce or bpr")
    for metric in (*recipe.evaluation.metrics, *([recipe.training.monitor] if recipe.training else [])):
        check(metric)
    for baseline in recipe.evaluation.baselines:
        if not issubclass(find(baseline), Fitted):
            raise InputError(
                f"evaluation.baselines: {baseline} is trained by gradients; a baseline is fitted in one go"
            )
    return recipe


def read_layer(path: Path) -> Layer:
    """A recipe file, or a part of one.

    Raises:
        InputError: the file is missing, or is not YAML with sections.
    """
    try:
        layer = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
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
    return layer


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
        return f"recipe: {path}: {fault['msg']}; found {fault['input']!r}"
    *sections, key = fault["loc"]
    fields = Recipe.model_fields
    if sections:
        default = fields[str(sections[0])].default
        fields = type(default).model_fields
    return f'recipe: there is no key "{path}"; {suggest(str(key), fields)}'
