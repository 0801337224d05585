"""Suiting: a recipe that nobody made for these data, once it is known how long their histories are.

A model's own recipe is for short histories, of ten items or so. `recipes/NAME.long.yaml` says what differs where they
are long: rows of a user's newest 200 items, each of them a target, instead of a row a prefix, of which there would be
hundreds a user; and small batches, where there are few users. Public data sets with a recipe of their own are left
alone, and so are keys that somebody chose.
"""

from __future__ import annotations

from math import log2
from typing import Any

from nextitem.recipe.layers import make_recipe
from nextitem.recipe.sections import Recipe

LONG = 50  # items in the mean, beyond which histories are long: more than models read by default
STEPS = 100  # of an epoch, at least, where the batches can be that small
LEAST_BATCH = 32


def suited(recipe: Recipe, num_users: int, mean_length: float) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe for data with so many users and items a user, and a sentence on what it became; as it is and none,
    where histories are short or all was chosen before.

    >>> from nextitem.recipe import make_recipe
    >>> found, told = suited(make_recipe({"data": {"source": "log.csv"}, "model": {"dropout": 0.1}}), 6040, 165.5)
    >>> found.model.arguments["max_length"], found.model.arguments["dropout"], found.training.batch_size
    (200, 0.1, 64)
    """
    if not recipe.for_long or mean_length <= LONG:
        return recipe, ()
    keys = {name: dict(section) for name, section in recipe.for_long.items()}
    if "batch_size" in keys.get("training", {}):
        keys["training"]["batch_size"] = min(keys["training"]["batch_size"], _batch_size(num_users))
    layer: dict[str, Any] = recipe.model_dump(mode="json")
    chosen = []
    for name, section in keys.items():
        chosen += [f"{key} {value}" for key, value in sorted(section.items()) if layer[name][key] != value]
        layer[name] |= section
    told = (
        f"histories are long ({mean_length:.0f} items in the mean), so by {recipe.model.label}'s recipe for such data "
        f"{', '.join(chosen)}; what is typed is stronger"
    )
    return make_recipe(layer), (told,)


def _batch_size(num_users: int) -> int:
    """A power of two near a hundredth of the users.

    >>> [_batch_size(num) for num in (943, 6040, 22363)]
    [32, 64, 256]
    """
    return max(LEAST_BATCH, 1 << max(0, round(log2(max(num_users, 1) / STEPS))))
