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

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import TowerFree
from nextitem.nn.scorers import HiddenLayers

Variant = Literal["neumf", "gmf", "mlp"]


class NCF(TowerFree):
    """NCF: neural collaborative filtering, where layers take the place of the inner product.

    score(u, i) = h . [GMF(u, i); MLP(u, i)], or of one of the two; needs sampled negatives (`loss.name: bce`).
    """

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
    """Hidden layers over the two vectors side by side."""

    def __init__(self, num_users: int, num_items: int, dim: int, hidden_sizes: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.hidden = HiddenLayers(dim, hidden_sizes, dropout)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(N, 1) and (N or 1, K) -> (N, K, H)."""
        return self.hidden(self.user_embedding(users), self.item_embedding(items))
