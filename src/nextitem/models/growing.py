"""Growing: a model goes on from the weights of an older one, which knew fewer users and items.

Users and items keep their numbers, so that what the older model knew of them are the first rows of the newer tables.
The row of a new item begins at the mean of the items that its users met beside it in training, and that of a new user
at the mean of the users who met the same items; where there is none, at the mean of all.

Sizes: R rows of users, V = num_items + 1 (item 0 is the padding), n older rows, m new ones, D dim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender, Trained
from nextitem.models.counting import interaction_matrix
from nextitem.models.kept import Kept
from nextitem.models.towers import SequenceModel, TwoTower

ITEMS, USERS = ("item_embedding.weight", "item_bias"), ("user_embedding.weight", "user_bias")  # a row each


@dataclass(frozen=True)
class Begun:
    """Where the rows of what an older model did not know begin."""

    at_neighbours: int = 0  # at the mean of their neighbours
    at_mean: int = 0  # at the mean of all, since they have no neighbours


def refuse_ungrown(model: Recommender, name: str) -> None:
    """Raises InputError where a trained model of this kind cannot go on with more users and items."""
    if model.needs or model.wanted().ratings or not isinstance(model, SequenceModel | TwoTower):
        what = (
            "learns from more than a log"
            if model.needs or model.wanted().ratings
            else "is neither a sequence model nor one of a vector a user and a vector an item"
        )
        raise InputError(f"{name} {what}, and cannot go on with new users and items; {_way_out(name)}")


def grow(
    model: Trained, weights: dict[str, Tensor], train: TrainingData, num_users: int, num_items: int, name: str
) -> dict[str, Begun]:
    """Give `model`, which has its first weights, those of an older one of `num_users` and `num_items`; how the rows
    began that it did not have, by `users` and `items`.

    Raises:
        InputError: the model has other weights that are as long as the catalogue, or as there are users.
    """
    refuse_ungrown(model, name)
    met = interaction_matrix(train.rows, train.num_items)  # (R, V)
    made = model.state_dict()
    parameters = dict(model.named_parameters())
    begun = {"users": Begun(), "items": Begun()}
    for key, tensor in made.items():
        older = weights[key]
        if key in ITEMS:
            begun["items"] = _grown(tensor, older, num_items, met.T.tocsr(), met[:, 1 : num_items + 1].tocsr())
        elif key in USERS:
            begun["users"] = _grown(tensor, older, num_users, _with_nobody(met), met[:num_users].T.tocsr())
        elif older.shape == tensor.shape:
            tensor.copy_(older)
        elif key in parameters or not isinstance(model, Kept):  # what is kept of the tables is made anew
            raise InputError(
                f"{name} has {tuple(older.shape)} weights {key}, and would have {tuple(tensor.shape)}: only tables of "
                f"users and items are grown; {_way_out(name)}"
            )
    return begun


def _grown(table: Tensor, older: Tensor, count: int, links: csr_array, back: csr_array) -> Begun:
    """Fill `table`: the padding and `count` rows of `older`, then new ones, then the rows of marks that end `older`.

    `links` leads from the rows of the table to what they have in common, `back` (.., n) from there to the older rows.
    """
    table, older = table.view(len(table), -1), older.view(len(older), -1)  # of a bias one number a row
    num_marks = len(older) - 1 - count
    stop = len(table) - num_marks
    table[: count + 1], table[stop:] = older[: count + 1], older[count + 1 :]
    if stop == count + 1:
        return Begun()
    known = older[1 : count + 1].double().numpy()  # (n, D)
    own = links[count + 1 : stop]  # (m, ..)
    sums, sizes = own @ (back @ known), own @ back.sum(1)
    has_any = sizes > 0
    rows = np.where(has_any[:, None], sums / np.maximum(sizes, 1)[:, None], known.mean(0))
    table[count + 1 : stop] = torch.from_numpy(rows).to(table.dtype)
    return Begun(int(has_any.sum()), int((~has_any).sum()))


def _with_nobody(met: csr_array) -> csr_array:
    """(R + 1, V): row 0 is nobody's, as in tables of users."""
    return csr_array((met.data, met.indices, np.concatenate([[0], met.indptr])), shape=(met.shape[0] + 1, met.shape[1]))


def _way_out(name: str) -> str:
    return f"train anew on the whole log: nextitem run LOG -m {name}"
