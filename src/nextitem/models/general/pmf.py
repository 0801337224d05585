"""PMF: matrix factorisation of ratings.

Salakhutdinov & Mnih, "Probabilistic Matrix Factorization", NIPS 2007; biases as in Koren, Bell & Volinsky, "Matrix
Factorization Techniques for Recommender Systems", IEEE Computer 2009. Code followed: none.
Departures: ratings are predicted as they are, from their mean on, where the paper maps them to 0..1 and takes the
logistic function of the product; Adam on batches.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.keys import NotNegative
from nextitem.models.initialise import initialise_normal
from nextitem.models.rated import RatedTower


class PMF(RatedTower):
    """PMF: matrix factorisation of ratings, from the mean of all on.

    rating(u, i) = mean + b_u + b_i + p_u . q_i. The loss has two parts: the squared errors of the ratings, and
    `penalty`, l2 times the squares of all numbers that a rating has to do with. It predicts ratings; as a ranking of
    everything it is poor by construction, since it knows nothing of what people choose to meet.

    Arguments:
        is_biased: whether there are b_u and b_i; without, as in the paper, it is products alone.
        l2: what the squares count for beside the error of a rating.
    """

    def __init__(
        self, num_users: int, num_items: int, dim: int = 20, is_biased: bool = True, l2: NotNegative = 0.05
    ) -> None:
        super().__init__(num_items)
        self.is_biased, self.l2 = is_biased, l2
        width = dim + 1 if is_biased else dim
        self.user_embedding = nn.Embedding(num_users + 1, width, padding_idx=PAD)  # the bias is the last number
        self.item_embedding = nn.Embedding(num_items + 1, width, padding_idx=PAD)
        initialise_normal(self, std=0.1)
        if is_biased:
            with torch.no_grad():
                self.user_embedding.weight[:, -1] = self.item_embedding.weight[:, -1] = 0.0

    def user_vectors(self) -> Tensor:
        """The vectors of all users (U, D), with their biases and a one behind them where there are biases."""
        table = self.user_embedding.weight
        return F.pad(table, (0, 1), value=1.0) if self.is_biased else table

    def item_vectors(self) -> Tensor:
        """The vectors of all items (V, D), with a one and their biases behind them where there are biases."""
        table = self.item_embedding.weight
        if not self.is_biased:
            return table
        return torch.cat([table[:, :-1], torch.ones_like(table[:, -1:]), table[:, -1:]], 1)

    def rate(self, scores: Tensor) -> Tensor:
        return self.mean + scores

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        scores, ratings = self.pair_scores(batch)
        users, items = self.user_embedding(batch.users), self.item_embedding(batch.targets[:, 0])
        return {
            "ratings": (self.rate(scores) - ratings).square().mean(),
            "penalty": self.l2 * (users.square().sum(1) + items.square().sum(1)).mean(),
        }
