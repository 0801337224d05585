"""similar_users: which users are near a user, by what the model learned of them, or by what both have met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nextitem.models.base import Recommender
from nextitem.models.counting import interaction_matrix
from nextitem.models.strangers import is_known
from nextitem.models.towers import TwoTower
from nextitem.runs.asking.nearest import By, Side, in_words, nearest, shares
from nextitem.runs.folder.opened import Opened


@dataclass(frozen=True)
class SimilarUsers:
    """The users that are nearest to one."""

    user: object  # the id, as it was asked for
    by: By
    users: list[int] | list[str]  # external ids, the nearest first
    similarities: list[float]  # cosines of vectors, in [-1, 1]; by counts in (0, 1]

    def __repr__(self) -> str:
        return in_words("SimilarUsers", self.user, self.by, self.users, self.similarities)


def similar_users(run: Opened, user: object, k: int = 10, by: By = "vectors") -> SimilarUsers:
    """The k users nearest to one; of equally near ones those with the lower numbers.

    By `vectors` the similarity is the cosine of the model's user vectors. By `counts` it is items of both users /
    sqrt(items of one * items of the other), each item once, over the histories that the run keeps. Users whose vector
    is zero, or who share no item with this one, are left out, so that there may be fewer than k.

    Raises:
        InputError: the run does not know the user, there are fewer than k others, the model has no user vectors, or the
            run keeps no histories to count in; or nothing is known of the user.
    """
    numbers, similarities = nearest(run, USERS, run.users, user, k, by)
    return SimilarUsers(user, by, run.users.ids(numbers), similarities)


def has_user_vectors(model: type[Recommender]) -> bool:
    """Whether it has a vector a user."""
    return issubclass(model, TwoTower) and model.user_vectors is not TwoTower.user_vectors


def _vectors(model: Recommender) -> Tensor:
    """(R + 1, D) of R users; zero of whom the model was not trained on, whatever it makes of a zero row."""
    assert isinstance(model, TwoTower)
    vectors = model.user_vectors()
    return vectors * torch.from_numpy(is_known(model, np.arange(len(vectors))))[:, None]


def _shares(run: Opened, number: int) -> Tensor:
    """(R + 1,), of items."""
    by_user = interaction_matrix(run.histories, run.model.num_items)  # (R, num_items + 1)
    common = (by_user @ by_user[[number - 1]].T).toarray()[:, 0].astype(np.float64)
    return shares(np.insert(common, 0, 0), np.insert(by_user.sum(1).astype(np.float64), 0, 0), number)


USERS = Side("user", "items that both have met", _vectors, has_user_vectors, _shares)
