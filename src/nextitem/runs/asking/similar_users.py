"""similar_users: which users are near a user, by what the model learned of them, or by what both have met.

Sizes: R users of the run; V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from dataclasses import dataclass

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
from nextitem.models.towers import TwoTower
from nextitem.runs.asking.similar import SHOWN, By, cosines
from nextitem.runs.folder.opened import Opened

COUNT = "count the items that both have met instead: --by counts (in Python by='counts')"


@dataclass(frozen=True)
class SimilarUsers:
    """The users that are nearest to one."""

    user: object  # the id, as it was asked for
    by: By
    users: list[int] | list[str]  # external ids, the nearest first
    similarities: list[float]  # cosines of vectors, in [-1, 1]; by counts in (0, 1]

    def __repr__(self) -> str:
        near = [f"{user!r} {value:.4f}" for user, value in zip(self.users[:SHOWN], self.similarities, strict=False)]
        more = [f"{len(self.users) - SHOWN:,} more"] if len(self.users) > SHOWN else []
        return f"SimilarUsers({', '.join([*near, *more]) or 'no users'}; to {self.user!r} by {self.by})"


def similar_users(run: Opened, user: object, k: int = 10, by: By = "vectors") -> SimilarUsers:
    """The k users nearest to one; of equally near ones those with the lower numbers.

    By `vectors` the similarity is the cosine of the model's user vectors. By `counts` it is items of both users /
    sqrt(items of one * items of the other), each item once, over the histories that the run keeps. Users whose vector
    is zero, or who share no item with this one, are left out, so that there may be fewer than k.

    Raises:
        InputError: the run does not know the user, there are fewer than k others, the model has no user vectors, or the
            run keeps no histories to count in; or nothing is known of the user.
    """
    if by not in ("vectors", "counts"):
        raise InputError(f"by must be vectors (of the model) or counts (of items of both), found {by!r}")
    num_others = len(run.users) - 1
    if not 1 <= k <= num_others:
        raise InputError(f"k must lie between 1 and {num_others} (the other users); found {k}")
    number = int(run.users.indices([user])[0])
    if number == PAD:
        raise InputError(f"the run does not know the user {user!r}; its data has {len(run.users):,} users")
    found = _by_vectors(run, user, number) if by == "vectors" else _by_counts(run, number)
    found[[PAD, number]] = -torch.inf
    top, places = first_of_highest(found[None], k)
    is_near = ~torch.isneginf(top[0])
    return SimilarUsers(user, by, run.users.ids(places[0][is_near].numpy()), top[0][is_near].tolist())


def _by_vectors(run: Opened, user: object, number: int) -> Tensor:
    """(R + 1,) cosines; -inf of zero vectors."""
    model = run.model
    if not has_user_vectors(type(model)):
        able = ", ".join(name for name, one in MODELS.items() if has_user_vectors(one))
        raise InputError(
            f"{run.recipe.model.label} has no vectors of users to compare; {COUNT}, or take a model that has them: "
            f"{able}"
        )
    assert isinstance(model, TwoTower)
    mark_computed()
    with torch.no_grad():
        near = cosines(model.user_vectors().float(), number)
    if near is None:
        raise InputError(f"{run.recipe.model.label} knows nothing of the user {user!r}: the vector is zero; {COUNT}")
    return near


def _by_counts(run: Opened, number: int) -> Tensor:
    """(R + 1,) items of both over the root of the product of items; -inf without common items."""
    by_user = interaction_matrix(run.histories, run.model.num_items)  # (R, V)
    items = by_user.sum(1).astype(np.float64)  # (R,), of each user
    common = (by_user @ by_user[[number - 1]].T).toarray()[:, 0].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = common / np.sqrt(items * items[number - 1])
    return torch.from_numpy(np.concatenate([[-np.inf], np.where(common > 0, near, -np.inf)]))


def has_user_vectors(model: type[Recommender]) -> bool:
    """Whether it has a vector a user."""
    return issubclass(model, TwoTower) and model.user_vectors is not TwoTower.user_vectors
