"""similar: which items are near an item, by what the model learned of them, or by who met both.

Sizes: V = num_items + 1 (item 0 is the padding), D dim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.evaluation.highest import first_of_highest
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.models.counting import interaction_matrix
from nextitem.models.towers import ItemTower
from nextitem.nn.scorers import unit
from nextitem.runs.folder.opened import Opened

By = Literal["vectors", "counts"]
SHOWN = 3  # items, where it is printed


@dataclass(frozen=True)
class Similar:
    """The items that are nearest to one."""

    item: object  # its id, as it was asked for
    by: By
    items: list[int] | list[str]  # external ids, the nearest first
    similarities: list[float]  # cosines of vectors, in [-1, 1]; by counts in (0, 1]

    def __repr__(self) -> str:
        near = [f"{item!r} {value:.4f}" for item, value in zip(self.items[:SHOWN], self.similarities, strict=False)]
        more = [f"{len(self.items) - SHOWN:,} more"] if len(self.items) > SHOWN else []
        return f"Similar({', '.join([*near, *more]) or 'no items'}; to {self.item!r} by {self.by})"


def similar(run: Opened, item: object, k: int = 10, by: By = "vectors") -> Similar:
    """The k items nearest to one; of equally near ones those with the lower numbers.

    By `vectors` the similarity is the cosine of the model's item vectors. By `counts` it is users of both items /
    sqrt(users of one * users of the other), over the histories that the run keeps: ItemKNN's, without shrinkage. Items
    whose vector is zero, or that share no user with this one, are left out, so that there may be fewer than k.

    Raises:
        InputError: the run does not know the item, there are fewer than k others, the model has no item vectors, or
            the run keeps no histories to count in; or nothing is known of the item.
    """
    if by not in ("vectors", "counts"):
        raise InputError(f"by must be vectors (of the model) or counts (of users of both), found {by!r}")
    num_others = run.model.num_items - 1
    if not 1 <= k <= num_others:
        raise InputError(f"k must lie between 1 and {num_others} (the other items); found {k}")
    number = int(run.items.indices([item])[0])
    if number == PAD:
        raise InputError(f"the run does not know the item {item!r}; its data has {len(run.items):,} items")
    found = _by_vectors(run, item, number) if by == "vectors" else _by_counts(run, number)
    found[[PAD, number]] = -torch.inf
    top, places = first_of_highest(found[None], k)
    is_near = ~torch.isneginf(top[0])
    near = places[0][is_near].numpy()
    return Similar(item, by, run.items.ids(near), top[0][is_near].tolist())


def _by_vectors(run: Opened, item: object, number: int) -> Tensor:
    """(V,) cosines; -inf of zero vectors."""
    model = run.model
    if not has_vectors(type(model)):
        able = ", ".join(name for name, one in MODELS.items() if has_vectors(one))
        raise InputError(
            f"{run.recipe.model.label} has no vectors of items to compare; count the users of both items instead: "
            f"--by counts (in Python by='counts'), or take a model that has them: {able}"
        )
    assert isinstance(model, ItemTower)
    mark_computed()
    with torch.no_grad():
        near = cosines(model.item_vectors().float(), number)
    if near is None:
        raise InputError(
            f"{run.recipe.model.label} knows nothing of the item {item!r}: its vector is zero; count the users of "
            "both items instead: --by counts (in Python by='counts')"
        )
    return near


def cosines(vectors: Tensor, number: int) -> Tensor | None:
    """Of one of the vectors (N, D) with all (N,), -inf where these are zero; None where it is zero itself."""
    is_zero = (vectors == 0).all(1)
    if is_zero[number]:
        return None
    return (unit(vectors) @ unit(vectors[number])).clamp(-1.0, 1.0).masked_fill(is_zero, -torch.inf)


def _by_counts(run: Opened, number: int) -> Tensor:
    """(V,) users of both over the root of the product of users; -inf without common users."""
    by_user = interaction_matrix(run.histories, run.model.num_items)  # (R, V)
    users = by_user.sum(0).astype(np.float64)  # (V,), of each item
    own = np.asarray(by_user[:, [number]].toarray()[:, 0])  # (R,)
    common = (by_user.T @ own).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = common / np.sqrt(users * users[number])
    return torch.from_numpy(np.where(common > 0, near, -np.inf))


def has_vectors(model: type[Recommender]) -> bool:
    """Whether it has a vector an item."""
    return issubclass(model, ItemTower) and model.item_vectors is not ItemTower.item_vectors
