"""DIN: what of a history matters is asked anew by every item that is scored.

Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv:1706.06978. Codes followed: the
authors' (zhougr1993/DeepInterestNetwork) and, for its use among all items, RecStudio's DIN.

    a_s = w . f(A [e_j; h_s; e_j * h_s] + b) + c        p = a_1 h_1 + .. + a_t h_t        f, g: maps with PReLUs
    score(j) = g([p; e_j; p * e_j]) + b_j

h are the vectors of the history, e_j that of the item; the weights a_s are no softmax, so that what is liked strongly
has a long p. An item has no vector that could be compared with that of a query: all of them are scored one by one,
each against the whole history. That is `PAIR_BLOCK` pairs at a time, minutes for some thousand users and items; use it
on short histories and small catalogues.
Departures:
- e_j - h_s is left out of the first layer, which makes as much of the sum of its maps of e_j and h_s;
- PReLU, not Dice, whose statistics are those of a batch: a score is the same whatever stands beside it;
- attributes of users, items and moments are not read, and p * e_j goes into the last layers, as in RecStudio;
- a pair of user and item is no labelled row: the loss has sampled negatives.

Sizes: N rows, T positions, K items of each, D dim, A attention_dim.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import TowerFree, newest_places


class DIN(TowerFree):
    """DIN: a history, weighed by each item that is scored; needs sampled negatives (`loss.name: bce`).

    The order of the history has no part in it. Layers as in the paper's figure and the authors' code.

    Arguments:
        attention_dim: width of the hidden layer that weighs the items of a history.
        hidden_sizes: widths of the layers over the weighed history and the item.
        max_length: how many of the newest items it sees; None for all (no weight depends on it).
    """

    knows_users = False
    trains_on = ("prefix",)

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        attention_dim: int = 36,
        hidden_sizes: tuple[int, ...] = (200, 80),
        max_length: int | None = 50,
    ) -> None:
        super().__init__(num_items)
        if not hidden_sizes:
            raise InputError("DIN: hidden_sizes must name one layer or more, found none")
        self.max_length = max_length
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.item_bias = nn.Embedding(num_items + 1, 1, padding_idx=PAD)
        self.of_target = nn.Linear(dim, attention_dim)  # A of e_j, and b
        self.of_history = nn.Linear(dim, attention_dim, bias=False)  # A of h_s
        self.of_product = nn.Linear(dim, attention_dim, bias=False)  # A of e_j * h_s
        self.attention = nn.Sequential(nn.PReLU(), nn.Linear(attention_dim, 1))
        layers: list[nn.Module] = []
        for width, next_width in pairwise([3 * dim, *hidden_sizes]):
            layers += [nn.Linear(width, next_width), nn.PReLU()]
        self.output = nn.Sequential(*layers, nn.Linear(hidden_sizes[-1], 1, bias=False))
        initialise_xavier(self)
        nn.init.zeros_(self.item_bias.weight)

    def matching(self, batch: Batch) -> Callable[[Tensor], Tensor]:
        is_real = (batch.inputs != PAD)[:, None]  # (N, 1, T)
        history = self.item_embedding(batch.inputs)[:, None]  # (N, 1, T, D)
        of_history = self.of_history(history)

        def match(items: Tensor) -> Tensor:
            target = self.item_embedding(items)  # (N or 1, K, D)
            of_product = history @ (target[..., None] * self.of_product.weight.T)  # (N, K, T, A), a map an item
            weights = self.attention(of_product + of_history + self.of_target(target)[..., None, :])[..., 0] * is_real
            interest = (weights[..., None, :] @ history)[..., 0, :]  # (N, K, D)
            pair = torch.cat([interest, target.expand_as(interest), interest * target], -1)
            found: Tensor = (self.output(pair) + self.item_bias(items))[..., 0]
            return found

        return match

    def loss(self, batch: Batch) -> Tensor:
        places = torch.arange(len(batch.inputs), device=batch.inputs.device), newest_places(batch.inputs)
        targets, weights = batch.targets[places], batch.weight_at(places)
        return self.objective.over(self.matching(batch), targets, batch.users, weights=weights)
