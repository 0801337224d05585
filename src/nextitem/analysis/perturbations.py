"""Perturbations: the same cases, with something destroyed in what a model sees. `evaluate` takes them as they are.

| name        | what a history 1 2 3 4 becomes | what is destroyed                  |
|-------------|--------------------------------|------------------------------------|
| shuffle     | 2 1 3 4                        | the order of all but the last item |
| shuffle-all | 4 1 3 2                        | the order, and which item is last  |
| reverse     | 4 3 2 1                        | the direction                      |
| swap-last   | 1 2 4 3                        | which of the newest two came last  |
| drop-last   | 1 2 3                          | the last item                      |
| only-last   | 4                              | all but the last item              |

The first four are other histories (`reordered`), in which the same items leave the ranking as seen. The last two would
change that, and with it the question; so there it is the model that sees less (`Without`, `Newest`).

Sizes: B rows, T length, V = num_items + 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.splits.split import Holdout
from nextitem.models.base import Recommender
from nextitem.models.towers import ages
from nextitem.models.wrapped import Wrapped

Reordering = Literal["shuffle", "shuffle-all", "reverse", "swap-last"]
REORDERINGS: tuple[Reordering, ...] = get_args(Reordering)
RANDOM: tuple[Reordering, ...] = ("shuffle", "shuffle-all")
PERTURBATIONS = (*REORDERINGS, "drop-last", "only-last")


def reordered(holdout: Holdout, name: Reordering, width: int | None, seed: int = 0) -> Holdout:
    """The cases with their newest `width` items (None: all) in another order.

    Older items stay where they are: a model of max_length `width` sees the same items as before.
    """
    rows = holdout.history.packed()
    owners, places = rows.flat_rows(), np.arange(rows.num_interactions)
    age = rows.stops[owners] - 1 - places
    is_seen = age < (width or rows.num_interactions)
    is_moved = is_seen & (age > 0) if name == "shuffle" else is_seen
    keys = -age.astype(float)  # what sorts the moved items of a row; the others keep their places
    if name in RANDOM:
        keys = np.random.default_rng(seed).random(len(age))
    elif name == "reverse":
        keys = age.astype(float)
    else:
        is_moved = is_seen & (age < 2)
        keys = -keys
    moved = np.flatnonzero(is_moved)
    items = rows.items.copy()
    items[moved] = items[moved[np.lexsort((keys[moved], owners[moved]))]]
    return replace(holdout, history=replace(rows, items=items))


class Newest(Wrapped):
    """A trained model that is shown the newest `max_length` items only; None: as many as it looks at by itself."""

    def __init__(self, model: Recommender, max_length: int | None = None) -> None:
        super().__init__(model, model.num_items)
        self.max_length = model.max_length if max_length is None else max_length

    def score(self, batch: Batch) -> Tensor:
        return self.model.score(batch)


class Without(Newest):
    """A trained model that is not shown the item of this age; 0 is the newest. Rows without one are shown whole."""

    def __init__(self, model: Recommender, age: int) -> None:
        super().__init__(model)
        self.age = age

    def score(self, batch: Batch) -> Tensor:
        inputs = batch.inputs
        is_hidden = (ages(inputs) == self.age) & (inputs != PAD)
        order = is_hidden.to(torch.uint8).argsort(dim=1, stable=True)  # the hidden one behind the padding
        return self.model.score(batch.with_inputs(lambda one: one.masked_fill(is_hidden, PAD).gather(1, order)))
