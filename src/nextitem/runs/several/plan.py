"""Plan: which runs an experiment is made of: models x data x seeds x a grid of keys, a folder each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from nextitem.errors import InputError
from nextitem.keys import Positive
from nextitem.models.own import Given
from nextitem.recipe import Layer, Recipe, make_recipe
from nextitem.recipe.data import Section
from nextitem.recipe.options import layer_of
from nextitem.recipe.suiting import suited
from nextitem.runs.parts import build

Grid = dict[str, Annotated[list[Any], Field(min_length=1)]]  # "model.dim" -> the values to try
Models = Callable[[object], Sequence[Given]]  # the classes that a model's name leads to, of the user's own


class ModelEntry(Section):
    """A model of a plan, with what it has otherwise than its own recipe."""

    name: str
    label: str | None = None
    """What its folder is called; null: the model's name."""
    grid: Grid = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Sections with keys, over those of the plan."""


class Plan(Section):
    """The content of a plan file."""

    models: Annotated[list[str | ModelEntry], Field(min_length=1)]
    data: Annotated[list[str | dict[str, Any]], Field(min_length=1)] = Field(default=["ml-100k"])
    """Data sets, files or folders; or keys of the data section."""
    seeds: Positive | Annotated[list[int], Field(min_length=1)] = 1
    """So many from 0 on, or a list of them."""
    grid: Grid = Field(default_factory=dict)
    """Of all models: key -> values."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """Sections with keys, of all runs."""


@dataclass(frozen=True)
class Planned:
    """One run."""

    name: str  # its folder below that of the experiment
    data: str  # of which data set, by its folder
    kind: str  # model and values of the grid: runs of one kind differ in the seed
    recipe: Recipe


def read_plan(path: Path) -> Plan:
    """A plan file, YAML.

    Raises:
        InputError: it cannot be read, or has a key that plans do not have, or a value of the wrong type.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"plan {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"plan {path} must have keys, such as `models: [SASRec, GRU4Rec]`; found {content!r}")
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"] if not str(part).startswith(("constrained", "function")))
        known = f"; a plan has {', '.join(Plan.model_fields)}" if fault["type"] == "extra_forbidden" else ""
        raise InputError(f"plan {path}: {place}: {fault['msg']}; found {fault['input']!r}{known}") from error


def planned(plan: Plan, models: Models = lambda name: ()) -> list[Planned]:
    """The runs of a plan, seed by seed, so that the first results are of all models.

    Raises:
        InputError: a run has a recipe that there cannot be, which is named, or two have one folder.
    """
    seeds = list(range(plan.seeds)) if isinstance(plan.seeds, int) else plan.seeds
    found = []
    for seed, data, entry in product(seeds, plan.data, plan.models):
        model = ModelEntry(name=entry) if isinstance(entry, str) else entry
        points = _points({**plan.grid, **model.grid})
        found += [_planned(plan, model, data, point, seed, models) for point in points]
    found = _suited(found)
    names = [one.name for one in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"two runs of the plan have the folder {twice}; give their models labels of their own")
    return found


def _suited(runs: list[Planned]) -> list[Planned]:
    """Those whose recipes depend on how long histories are know it now; data are read once."""
    known: dict[str, tuple[int, float]] = {}
    found = []
    for one in runs:
        recipe = one.recipe
        if recipe.open:
            key = recipe.data.model_dump_json()
            known[key] = known.get(key) or build.size_of(build.build_dataset(recipe.data)[0])
            recipe, _ = suited(recipe, *known[key])
        found.append(replace(one, recipe=recipe))
    return found


def seeds_of(recipe: Recipe, count: int) -> list[Planned]:
    """Runs of one recipe, from its own seed on."""
    recipe, _ = build.suited_to_data(recipe)
    data, kind = Path(recipe.data.source).name, recipe.model.label
    return [
        Planned(f"seed-{seed}", data, kind, recipe.model_copy(update={"seed": seed}))
        for seed in range(recipe.seed, recipe.seed + count)
    ]


def shard(runs: Sequence[Planned], part: str | None) -> list[Planned]:
    """The runs of a part such as 2/8, every eighth from the second on; all without one.

    Raises:
        InputError: it is no such part.
    """
    if part is None:
        return list(runs)
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise InputError(f'--shard is a part such as 2/8, the second of eight; found "{part}"')
    return list(runs[int(number) - 1 :: int(count)])


def _points(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def _planned(
    plan: Plan, model: ModelEntry, data: str | dict[str, Any], point: dict[str, Any], seed: int, models: Models
) -> Planned:
    layer: Layer = {"source": data} if isinstance(data, str) else dict(data)
    source = Path(str(layer.get("source", ""))).name
    kind = "-".join([model.label or model.name.rpartition(":")[2], *(_told(key, point[key]) for key in point)])
    name = f"{source}/{kind}/seed-{seed}"
    layers = ({"model": {"name": model.name}, "data": layer}, plan.recipe, model.recipe, layer_of(point))
    try:
        recipe = make_recipe(*layers, {"seed": seed}, models=models(model.name))
    except InputError as error:
        raise InputError(f"run {name} of the plan: {error}") from error
    return Planned(name, source, kind, recipe)


def _told(key: str, value: object) -> str:
    """`dim=64`, without what a folder cannot be called."""
    text = "".join(sign if sign.isalnum() or sign in ".-_" else "_" for sign in str(value))
    return f"{key.rpartition('.')[2]}={text}"
