"""similar: which items are near an item, by what the model learned of them, or by who met both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nextitem.models.base import Recommender
from nextitem.models.counting import interaction_matrix
from nextitem.models.towers import ItemTower
from nextitem.runs.asking.nearest import By, Side, in_words, nearest, shares
from nextitem.runs.folder.opened import Opened


@dataclass(frozen=True)
class Similar:
    """The items that are nearest to one."""

    item: object  # its id, as it was asked for
    by: By
    items: list[int] | list[str]  # external ids, the nearest first
    similarities: list[float]  # cosines of vectors, in [-1, 1]; by counts in (0, 1]

    def __repr__(self) -> str:
        return in_words("Similar", self.item, self.by, self.items, self.similarities)


def similar(run: Opened, item: object, k: int = 10, by: By = "vectors") -> Similar:
    """The k items nearest to one; of equally near ones those with the lower numbers.

    By `vectors` the similarity is the cosine of the model's item vectors. By `counts` it is users of both items /
    sqrt(users of one * users of the other), over the histories that the run keeps: ItemKNN's, without shrinkage. Items
    whose vector is zero, or that share no user with this one, are left out, so that there may be fewer than k.

    Raises:
        InputError: the run does not know the item, there are fewer than k others, the model has no item vectors, or
            the run keeps no histories to count in; or nothing is known of the item.
    """
    numbers, similarities = nearest(run, ITEMS, run.items, item, k, by)
    return Similar(item, by, run.items.ids(numbers), similarities)


def has_vectors(model: type[Recommender]) -> bool:
    """Whether it has a vector an item."""
    return issubclass(model, ItemTower) and model.item_vectors is not ItemTower.item_vectors


def _vectors(model: Recommender) -> Tensor:
    """(num_items + 1, D)."""
    assert isinstance(model, ItemTower)
    return model.item_vectors()


def _shares(run: Opened, number: int) -> Tensor:
    """(num_items + 1,), of users."""
    by_user = interaction_matrix(run.histories, run.model.num_items)  # (R, num_items + 1)
    own = np.asarray(by_user[:, [number]].toarray()[:, 0])  # (R,)
    return shares((by_user.T @ own).astype(np.float64), by_user.sum(0).astype(np.float64), number)


ITEMS = Side("item", "users of both items", _vectors, has_vectors, _shares)
