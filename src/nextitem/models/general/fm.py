"""FM: a factorisation machine, every two fields of a user and an item by the product of their vectors.

Rendle, "Factorization Machines", ICDM 2010, doi:10.1109/ICDM.2010.127.

    s = sum of w_f + sum over pairs f < g of v_f . v_g = sum of w_f + 1/2 (|sum of v_f|^2 - sum of |v_f|^2)

With a the sum over the user's fields, c over the item's, and h the formula over one side's fields alone it is
s = h(user) + a . c + h(item): an inner product of (a, 1, h(user)) and (c, h(item), 1).
Departures: the vector of a field of many values is their mean, and takes part as one; without the weight of all rows,
which no ranking sees; trained to rank, where the paper predicts ratings.

Sizes: N rows, F fields, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.training_data import Sizes
from nextitem.models.field_towers import Attributes, FieldTowers
from nextitem.models.initialise import initialise_normal
from nextitem.nn.scorers import InnerProduct


class FM(FieldTowers):
    """FM: a factorisation machine over users, items and their attributes, which ranks like an inner product.

    score(u, i) = the weights of all fields + the products of the vectors of every two of them. Fields are the user, the
    item and their attributes: texts and lists by the mean of the vectors of their values, numbers times a vector. An
    item that nobody has met is what its attributes say, and so is a user.

    Arguments:
        dim: of the vector of a field.
        attributes: whose are read, those of `items`, of `users`, or of `both`.
        item_columns, user_columns: of their tables; none named: all but those with a value for nearly every row.
        id_dropout: how often a step leaves the vector of the item, or user, itself out, so that attributes learn to
            stand alone.
    """

    own_scorer = InnerProduct

    def __init__(
        self,
        sizes: Sizes,
        dim: int = 64,
        attributes: Attributes = "items",
        item_columns: tuple[str, ...] = (),
        user_columns: tuple[str, ...] = (),
        id_dropout: float = 0.0,
    ) -> None:
        super().__init__(sizes, attributes, (user_columns, item_columns), dim + 1, id_dropout)
        initialise_normal(self, std=0.01)
        self.begin_kept(dim + 2)

    def make_users(self, fields: Tensor) -> Tensor:
        vectors, own = _sums(fields)
        return torch.cat([vectors, torch.ones_like(own), own], 1)

    def make_items(self, fields: Tensor) -> Tensor:
        vectors, own = _sums(fields)
        return torch.cat([vectors, own, torch.ones_like(own)], 1)


def _sums(fields: Tensor) -> tuple[Tensor, Tensor]:
    """Fields (N, F, D + 1), the last number of each its weight -> the sum of the vectors (N, D), and what these fields
    score alone (N, 1).
    """
    vectors, weights = fields[..., :-1], fields[..., -1]
    sums = vectors.sum(1)
    pairs = (sums.square() - vectors.square().sum(1)).sum(1) / 2
    return sums, (weights.sum(1) + pairs)[:, None]
