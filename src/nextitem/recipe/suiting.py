"""Suiting: a recipe that nobody made for these data, once it is known how many users there are and how long histories.

A model's own recipe is for short histories, of ten items or so. `recipes/NAME.long.yaml` says what differs where they
are long: rows of a user's newest 200 items, each of them a target, instead of a row a prefix, of which there would be
hundreds a user. And batches of rows of users are small where there are few users: with 256 of 1,090 an epoch has four
steps, and SASRec stops before it has learned anything. Public data sets with a recipe of their own are left alone, and
so are keys that somebody chose.
"""

from __future__ import annotations

from math import log2
from typing import Any

from nextitem.recipe.layers import ROWS_OF_USERS, make_recipe
from nextitem.recipe.sections import Recipe

LONG = 50  # items in the mean, beyond which histories are long: more than models read by default
STEPS = 100  # of an epoch, at least, where the batches can be that small
LEAST_BATCH = 32


def suited(recipe: Recipe, num_users: int, mean_length: float) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe for data with so many users and items a user, and a sentence on what it became; none where it stays.

    >>> from nextitem.recipe import make_recipe
    >>> found, told = suited(make_recipe({"data": {"source": "log.csv"}, "model": {"dropout": 0.1}}), 6040, 165.5)
    >>> found.model.arguments["max_length"], found.model.arguments["dropout"], found.training.batch_size
    (200, 0.1, 64)
    """
    if recipe.open is None:
        return recipe, ()
    is_long = mean_length > LONG
    layer: dict[str, Any] = recipe.model_dump(mode="json")
    before = {name: dict(layer[name] or {}) for name in ("model", "training")}
    for name, keys in recipe.open.for_long.items() if is_long else ():
        layer[name] |= keys
    training = layer["training"]
    if recipe.open.follows_users and training["batches"] in ROWS_OF_USERS:
        training["batch_size"] = min(training["batch_size"], _batch_size(num_users))
    changed = [
        f"{key} {layer[name][key]}"
        for name, keys in before.items()
        for key in sorted(keys)
        if layer[name][key] != keys[key]
    ]
    if not changed:
        return recipe.with_open(None), ()
    why = f"{num_users:,} users with {mean_length:.0f} items in the mean"
    return make_recipe(layer), (f"for {why}, where nobody chose: {', '.join(changed)}",)


def _batch_size(num_users: int) -> int:
    """A power of two near a hundredth of the users.

    >>> [_batch_size(num) for num in (943, 6040, 22363)]
    [32, 64, 256]
    """
    return max(LEAST_BATCH, 1 << max(0, round(log2(max(num_users, 1) / STEPS))))
