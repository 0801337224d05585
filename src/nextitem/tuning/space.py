"""The space of a tuning: which keys of a recipe are tried, and what each may be.

Every model has one by the keys that its recipe has (`recipes/tune/keys.yaml`); a file or a mapping says otherwise, key
by key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from nextitem.errors import InputError, suggest
from nextitem.models.contrast import Contrast
from nextitem.recipe import Recipe, make_recipe

SECTIONS = ("model", "loss", "training")
# Keys that say what is measured, or where it is computed: trials must not differ in one.
FIXED = {"model.name", "loss.name"} | {
    f"training.{key}" for key in ("batches", "monitor", "device", "precision", "strategy", "threads", "loggers")
}
NEAR_TIMES, NEAR_SHARE = 3.0, 0.25
HEADS = "model.num_heads"
ONLY = "only"  # a word of a space: the keys that it names, and no others


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones, if `is_whole`."""

    low: float
    high: float
    log: bool = False  # drawn evenly by their logarithm
    is_whole: bool = False

    def holds(self, value: object) -> bool:
        is_number = isinstance(value, int if self.is_whole else (int, float)) and not isinstance(value, bool)
        return is_number and self.low <= float(str(value)) <= self.high

    def near(self, value: float, step: float) -> float:
        """Within the range, and by a `step` of -1 to 1 away from `value`: up to three times as much or a third on a
        logarithmic scale, up to a quarter of the range on another; to the other side, where that would be outside."""
        moved = self._moved(value, step)
        if not self.low <= moved <= self.high:
            moved = min(max(self._moved(value, -step), self.low), self.high)
        return int(moved) if self.is_whole else moved

    def _moved(self, value: float, step: float) -> float:
        moved = value * NEAR_TIMES**step if self.log else value + step * (self.high - self.low) * NEAR_SHARE
        if not self.is_whole:
            return moved
        return min(round(moved), value - 1) if step < 0 else max(round(moved), value + 1)

    def ends(self) -> tuple[Any, ...]:
        return (int(self.low), int(self.high)) if self.is_whole else (self.low, self.high)

    def written(self) -> object:
        low, high = self.ends()
        return {"low": low, "high": high, "log": self.log}


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def holds(self, value: object) -> bool:
        return value in self.values

    def ends(self) -> tuple[Any, ...]:
        return self.values

    def near(self, value: Any, step: float) -> Any:
        """By a `step` of -1 to 1 away from `value`: of numbers the next lower or higher one, of words another one."""
        if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in self.values):
            others = [one for one in self.values if one != value]
            return others[min(int((step + 1) / 2 * len(others)), len(others) - 1)] if others else value
        lower = [one for one in self.values if one < value]
        higher = [one for one in self.values if one > value]
        if lower and (step < 0 or not higher):
            return max(lower)
        return min(higher, default=value)

    def written(self) -> object:
        return list(self.values)


Space = Mapping[str, Range | Choice]  # by the path of a key, such as training.learning_rate; in order of their names


def find_space(
    recipe: Recipe, given: Mapping[str, Any] | Path | None = None, fixed: Collection[str] = ()
) -> dict[str, Range | Choice]:
    """The space of a recipe: by its keys, and over that what is `given`.

        {"training.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "model.dim": [64, 128]}

    A key with null is left as the recipe has it; `only: true` leaves all that are not named. The `fixed` keys are left
    too, unless `given` names them.

    Raises:
        InputError: a key that the recipe does not have (the nearest is named), one that is not to be tuned, values that
            the key does not take; or nothing is left.
    """
    wanted = _read(given)
    is_alone = wanted.pop(ONLY, False)
    if not isinstance(is_alone, bool):
        raise InputError(f"space: only is true or false, found {is_alone!r}")
    keys = _flat(recipe)
    for path in wanted:
        _check_key(path, keys, recipe)
    own = {} if is_alone else {path: one for path, one in _own_space(keys).items() if path not in fixed}
    found = {path: one for path, one in own.items() if path not in wanted}
    found |= {path: _parsed(path, value) for path, value in wanted.items() if value is not None}
    if not found:
        raise InputError(
            f"there is nothing to tune of {recipe.model.label}; name keys with --space, such as "
            "{model.dim: [32, 64]} in a file"
        )
    for path, one in found.items():
        for value in one.ends():
            with_values(recipe, {path: value})  # refuses what the key does not take
    return dict(sorted(found.items()))


def with_values(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values of some keys.

    Raises:
        InputError: a value that its key does not take, or that does not go with the others.
    """
    layer = recipe.model_dump(mode="json")
    for path, value in values.items():
        section, _, key = path.partition(".")
        layer[section][key] = value
    return make_recipe(layer, models=() if recipe.model.own is None else (recipe.model.own,))


def value_of(recipe: Recipe, path: str) -> Any:
    """What the recipe has of a key."""
    return _flat(recipe)[path]


def _flat(recipe: Recipe) -> dict[str, Any]:
    layer = recipe.model_dump(mode="json")
    return {f"{section}.{key}": value for section in SECTIONS for key, value in (layer[section] or {}).items()}


def _read(given: Mapping[str, Any] | Path | None) -> dict[str, Any]:
    if not isinstance(given, Path):
        return _sectioned(given or {}, "space")
    try:
        found = yaml.safe_load(given.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"the space {given} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"the space {given} must be keys and what each may be, `model.dim: [32, 64]`; found {found!r}")
    return _sectioned(found, str(given))


def _sectioned(given: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Sections with keys, as a recipe has them, become `section.key` too."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in SECTIONS and isinstance(value, dict):
            found |= {f"{name}.{key}": one for key, one in value.items()}
        elif isinstance(name, str):
            found[name] = value
        else:
            raise InputError(f"{where}: a key of a recipe is a word, such as model.dim; found {name!r}")
    return found


def _check_key(path: str, keys: Mapping[str, Any], recipe: Recipe) -> None:
    if path in FIXED or path.partition(".")[0] in ("data", "split", "evaluation", "seed"):
        raise InputError(
            f"space: {path} is the same for all trials, which could not be compared otherwise; give it as a key of the "
            "recipe"
        )
    if path not in keys:
        able = [key for key in keys if key not in FIXED]
        raise InputError(f'space: {recipe.model.label} has no key "{path}"; {_nearest(path, able)}')


def _nearest(path: str, able: list[str]) -> str:
    """By its last word where the section is wrong or left out."""
    same = [key for key in able if key.rpartition(".")[2] == path.rpartition(".")[2]]
    return suggest(same[0] if same else path, able)


def _parsed(path: str, value: Any) -> Range | Choice:
    if isinstance(value, list | tuple) and value:
        return Choice(tuple(dict.fromkeys(value)) if all(_is_plain(one) for one in value) else tuple(value))
    if not isinstance(value, Mapping) or not {"low", "high"} <= value.keys() <= {"low", "high", "log"}:
        raise InputError(f"space: {path} is a list of values or {{low: .., high: .., log: true}}; found {value!r}")
    low, high, log = _number(value["low"]), _number(value["high"]), value.get("log", False)
    if low is None or high is None or not isinstance(log, bool) or not low < high or (log and low <= 0):
        rule = "0 < low < high" if log is True else "low < high, two numbers"
        raise InputError(f"space: {path} needs {rule}; found {value!r}")
    return Range(low, high, log, isinstance(low, int) and isinstance(high, int))


def _number(value: object) -> float | None:
    """Also of text such as 1e-4, which is what YAML makes of a number without a point; None where it is none.

    >>> _number(3), _number("1e-4"), _number("many"), _number(True)
    (3, 0.0001, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return (found if isinstance(value, str) else value) if isfinite(found) else None


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _own_space(keys: Mapping[str, Any]) -> dict[str, Range | Choice]:
    """By the names of the keys, each with its default within; a key whose default is of another kind is left alone."""
    file = resources.files("nextitem").joinpath("recipes", "tune", "keys.yaml")
    told = _sectioned(yaml.safe_load(file.read_text(encoding="utf-8")), "keys.yaml")
    if isinstance(dim := keys.get("model.dim"), int):
        told[HEADS] = [count for count in told[HEADS] if dim % count == 0]  # of another width, heads are refused
    left_out = _without_use(keys)
    found = {path: _around(keys[path], one) for path, one in told.items() if path in keys and path not in left_out}
    return {path: one for path, one in found.items() if one is not None and len(one.ends()) > 1}


def _without_use(keys: Mapping[str, Any]) -> set[str]:
    """Keys that other keys of the recipe leave without use, or would refuse another value of."""
    found: set[str] = set()
    if keys.get("model.contrast") == "none":
        found |= {f"model.{one.name}" for one in fields(Contrast)}
    needs_one_mean = any(keys.get(f"training.{key}") is not None for key in ("average_decay", "average_count"))
    if needs_one_mean or keys.get("training.strategy") == "fsdp":
        found.add("training.average")
    return found


def _around(default: object, told: Any) -> Range | Choice | None:
    """What is told of a key, with its default within; None where that is another kind of value."""
    if isinstance(told, list) and None in told:
        return Choice(tuple(dict.fromkeys((*told, default)))) if default is None or isinstance(default, str) else None
    if isinstance(default, str):
        return Choice(tuple(sorted(told))) if isinstance(told, list) and default in told else None
    if isinstance(default, bool) or not isinstance(default, int | float):
        return None
    if isinstance(told, list):
        return None if isinstance(told[0], str) else Choice(tuple(sorted({*map(type(default), told), default})))
    if "spread" in told:
        is_whole = isinstance(default, int)
        low = max(1, round(default / told["spread"])) if is_whole else default / told["spread"]
        return Range(low, default * told["spread"], log=True, is_whole=is_whole) if default > 0 else None
    if default > 0 or not told.get("log"):
        return Range(min(told["low"], default), max(told["high"], default), told.get("log", False))
    return None
