"""NCF: neural collaborative filtering, where layers take the place of the inner product.

He et al., "Neural Collaborative Filtering", WWW 2017, arXiv:1708.05031. Code followed: RecStudio's NCF.

Departures:
- Each branch has vectors of its own, as in the paper; RecStudio's branches share them.
- Dropout before every layer of the perceptron and Xavier-normal weights, as RecStudio has them; the paper has no
  dropout and N(0, 0.01), from which the perceptron starts slowly.
- NeuMF is trained from scratch, without the paper's pretrained branches; Adam throughout.
- The logit is the score: RecStudio's GMF puts a ReLU on it, under which half the scores tie at zero.

Sizes: N users, K items of each, D dim, H width of the last hidden layer.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.base import TowerFree
from nextitem.models.initialise import initialise_xavier
from nextitem.nn.dropout import Dropout

Variant = Literal["neumf", "gmf", "mlp"]


class NCF(TowerFree):
    """score(u, i) = h . [GMF(u, i); MLP(u, i)], or of one of the two; needs sampled negatives (`loss.name: bce`)."""

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        hidden_sizes: tuple[int, ...] = (128, 64, 32),
        dropout: float = 0.1,
        variant: Variant = "neumf",
    ) -> None:
        super().__init__(num_items)
        if variant not in get_args(Variant):
            raise InputError(f'NCF has no variant "{variant}"; {suggest(variant, get_args(Variant))}')
        if not hidden_sizes:
            raise InputError('hidden_sizes must name one layer or more; variant "gmf" is NCF without hidden layers')
        branches: dict[str, nn.Module] = {}
        if variant != "mlp":
            branches["gmf"] = Product(num_users, num_items, dim)
        if variant != "gmf":
            branches["mlp"] = Perceptron(num_users, num_items, dim, hidden_sizes, dropout)
        width = dim * ("gmf" in branches) + hidden_sizes[-1] * ("mlp" in branches)
        self.branches = nn.ModuleDict(branches)
        self.output = nn.Linear(width, 1)
        initialise_xavier(self)

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        features = [branch(users[:, None], items) for branch in self.branches.values()]  # (N, K, D) and (N, K, H)
        return self.output(torch.cat(features, -1)).squeeze(-1)


class Product(nn.Module):
    """Generalised matrix factorisation: the product of two vectors, element by element."""

    def __init__(self, num_users: int, num_items: int, dim: int) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(N, 1) and (N or 1, K) -> (N, K, D)."""
        return self.user_embedding(users) * self.item_embedding(items)


class Perceptron(nn.Module):
    """Linear maps and ReLUs over the two vectors side by side.

    The first map is linear in [p; q], so W [p; q] = W_user p + W_item q: the part of a user is made once for all
    items and the part of an item once for all users of a block, which more than halves the time of a full ranking.
    """

    def __init__(self, num_users: int, num_items: int, dim: int, hidden_sizes: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.from_user = nn.Linear(dim, hidden_sizes[0])
        self.from_item = nn.Linear(dim, hidden_sizes[0], bias=False)
        self.later = nn.ModuleList(nn.Linear(width, next_width) for width, next_width in pairwise(hidden_sizes))
        self.dropout = Dropout(dropout)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(N, 1) and (N or 1, K) -> (N, K, H)."""
        user, item = self.dropout(self.user_embedding(users)), self.dropout(self.item_embedding(items))
        hidden = torch.relu(self.from_user(user) + self.from_item(item))
        for layer in self.later:
            hidden = torch.relu(layer(self.dropout(hidden)))
        return hidden
