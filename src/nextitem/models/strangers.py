"""Strangers: users of the data of whom there is nothing to learn, since all of theirs is validation or test.

Nothing teaches the vector of such a user: left as it was drawn, it would answer for them by chance, and as well as any
other. So it is made zero, as that of user 0, who is nobody, and stays so, and whoever is asked about them can tell.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.graph import GraphModel

# The tables with what was learned of each user, by the names that models give them; a row that is zero knows nothing.
OF_USERS = frozenset(("user_embedding", "user_steps", "user_factors", "ripples"))


def forget_strangers(model: Recommender, train: TrainingData) -> None:
    """Before the first step: make the first vectors of users without a training row zero.

    Whom a network speaks for keep theirs, since friends teach it; so do those of whom attributes tell.
    """
    is_stranger = torch.from_numpy(np.insert(train.rows.lengths == 0, 0, False))
    if model.answers_by_network or not is_stranger.any():
        return
    with torch.no_grad():
        for table in _tables(model):
            table[is_stranger.to(table.device)] = 0
    if isinstance(model, GraphModel):  # some hold all users against each other, so that gradients reach even these
        places = is_stranger.nonzero()[:, 0]
        for name, weight in model.named_parameters():
            if OF_USERS & set(name.split(".")):
                weight.register_hook(partial(_kept_zero, places))  # type: ignore[no-untyped-call]


def _kept_zero(places: Tensor, gradient: Tensor) -> Tensor:
    return gradient.index_fill(0, places.to(gradient.device), 0.0)


def is_known(model: Recommender, users: np.ndarray) -> np.ndarray:
    """(N,) bool: of which of these users (N,), by their numbers, the model can say something for who they are.

    Of all, where it goes by histories, attributes or friends; else of those it was trained on, of whom 0 is none.
    """
    goes_by_more = not model.knows_users or model.takes_strangers or model.answers_by_network
    tables = [] if goes_by_more else _tables(model)
    if not tables:
        return np.ones(len(users), dtype=bool)
    places = torch.from_numpy(users)
    found: np.ndarray = torch.stack([table[places].flatten(1).any(1) for table in tables]).any(0).numpy()
    return found


def _tables(model: Recommender) -> list[Tensor]:
    return [table for name, table in model.state_dict().items() if OF_USERS & set(name.split("."))]
