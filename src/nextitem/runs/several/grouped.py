"""Which finished runs can be compared, which of them are the seeds of one model, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nextitem.errors import InputError
from nextitem.recipe import Recipe
from nextitem.recipe.comparing import differences
from nextitem.runs.folder.identity import difference
from nextitem.runs.folder.run_folder import RECIPE

PROTOCOL = ("candidates", "seen", "ties", "shown", "users")
# Of the evaluation: what changes no figure, so that runs are of one model with and without.
UNSEEN = {"memory_mb": 1, "keep_histories": True, "energy": False, "energy_country": None}
NAMED_KEYS = 3  # by which runs of one model are told apart


def run_folders(runs: Sequence[str | Path]) -> list[Path]:
    if isinstance(runs, str | Path):
        raise InputError(f"compare wants a list of run folders, found {runs!r}; write [{str(runs)!r}]")
    found: list[Path] = []
    for one in map(Path, runs):
        inside = sorted(path.parent for path in one.glob(f"*/{RECIPE}")) if not (one / RECIPE).exists() else [one]
        if not inside:
            raise InputError(f"{one} is no run folder, and no folder of run folders: it has no {RECIPE}")
        found += [path for path in inside if path not in found]
    if not found:
        raise InputError("compare wants run folders, found none")
    return found


def refuse_other(
    first: Path, other: Path, reports: Mapping[Path, dict[str, Any]], recipes: Mapping[Path, Recipe]
) -> None:
    one, two = recipes[first], recipes[other]
    if differs := difference(reports[first]["data"], reports[other]["data"]):
        raise InputError(f"{other} is of other data than {first}: {differs}; compare runs of the same data")
    if one.split != two.split:
        raise InputError(f"{other} has another split than {first}: {_changed(one, two, 'split')}")
    keys = {key: (getattr(one.evaluation, key), getattr(two.evaluation, key)) for key in PROTOCOL}
    for key, (here, there) in keys.items():
        if here != there:
            raise InputError(
                f"{other} has another protocol than {first} (evaluation.{key}: {there}, not {here}); evaluate both "
                "alike, since such figures cannot be compared"
            )


def by_seed(recipes: Mapping[Path, Recipe]) -> list[list[Path]]:
    """Folders whose recipes differ in the seed alone, in the order of the first of each."""
    groups: dict[str, list[Path]] = {}
    for folder, recipe in recipes.items():
        alike = recipe.model_copy(update={"seed": 0, "evaluation": recipe.evaluation.model_copy(update=UNSEEN)})
        groups.setdefault(alike.to_yaml(), []).append(folder)
    for group in groups.values():
        seeds = [recipes[folder].seed for folder in group]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"{' and '.join(map(str, group))} are runs of the same recipe and seed; name one of them")
    return list(groups.values())


def names_of(groups: Sequence[Sequence[Path]], recipes: Mapping[Path, Recipe]) -> list[str]:
    """The model of each, and where several are of one model what they differ in, or the folder."""
    chosen = [recipes[group[0]] for group in groups]
    labels = [recipe.model.label for recipe in chosen]
    told_nowhere = {"seed", *(f"evaluation.{key}" for key in UNSEEN)}
    names = []
    for group, recipe, label in zip(groups, chosen, labels, strict=True):
        alike = [other for other in chosen if other.model.label == label]
        keys = {line.partition(": ")[0] for other in alike for line in differences(recipe, other)} - told_nowhere
        if 0 < len(keys) <= NAMED_KEYS:
            values = (f"{key.rpartition('.')[2]} {_value(recipe, key)}" for key in sorted(keys))
            names.append(f"{label} ({', '.join(values)})")
        else:
            names.append(f"{label} ({group[0]})" if keys else label)
    return names


def _changed(one: Recipe, other: Recipe, section: str) -> str:
    return "; ".join(line for line in differences(other, one) if line.startswith(f"{section}."))


def _value(recipe: Recipe, key: str) -> object:
    section, _, name = key.partition(".")
    layer: Any = recipe.model_dump(mode="json")[section] or {}
    for part in name.split("."):
        layer = layer.get(part) if isinstance(layer, dict) else None
    return layer
