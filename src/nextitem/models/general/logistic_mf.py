"""LogisticMF: how probable it is that a user likes an item, over all pairs, those that were met counting more.

Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", NIPS 2014 Workshop on Distributed Machine Learning
and Matrix Computations. Code followed: none; implicit's and RecStudio's weigh the pairs that were not met otherwise.
Departures:
- Adam on batches of interactions, where the paper ascends by the gradient over all pairs of one side in turn. The sum
  over all items of a user is estimated by items that a batch shares, drawn alike, so that a step follows the paper's
  objective on average. Without training, as where a loss is compared, they are all items;
- the penalty, half of lambda times the squares of all vectors, is the optimizer's weight decay, lambda divided by the
  number of interactions.

Sizes: B batch, U = num_users + 1, V = num_items + 1, N num_negatives, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import AboveZero, Positive
from nextitem.models.initialise import initialise_normal
from nextitem.models.negatives import drawn_items
from nextitem.models.towers import TwoTower


class LogisticMF(TwoTower):
    """LogisticMF: matrix factorisation with biases, whose scores are log odds, by the likelihood of all pairs.

    score(u, i) = s = p_u . q_i + b_u + b_i. The objective is the sum over all pairs of (1 + alpha r) softplus(s) -
    alpha r s, with r how often u met i: a pair that was met counts alpha r times as liked and once as not. Here it is
    divided by the number of interactions.

    Arguments:
        alpha: what an interaction counts for.
        num_negatives: items that a batch shares for the sum over all items.
    """

    takes_objective = False
    takes_weights = False
    needs_all_rows = True  # a user's sum over all items is shared by what the user met
    num_met: Tensor  # (U,): interactions of each user in training

    def __init__(
        self, num_users: int, num_items: int, dim: int = 64, alpha: AboveZero = 1.0, num_negatives: Positive = 1000
    ) -> None:
        super().__init__(num_items)
        self.alpha, self.num_negatives = alpha, num_negatives
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.user_bias, self.item_bias = (
            nn.Parameter(torch.zeros(num_users + 1)),
            nn.Parameter(torch.zeros(num_items + 1)),
        )
        self.register_buffer("num_met", torch.zeros(num_users + 1), persistent=False)
        initialise_normal(self, std=0.1)

    def prepare(self, train: TrainingData) -> None:
        self.num_met.copy_(F.pad(torch.from_numpy(train.rows.lengths).float(), (1, 0)))

    def user_vectors(self) -> Tensor:
        """The vectors of all users (U, D + 2), with their biases and a one behind them."""
        bias = self.user_bias[:, None]
        return torch.cat([self.user_embedding.weight, bias, torch.ones_like(bias)], 1)

    def item_vectors(self) -> Tensor:
        """The vectors of all items (V, D + 2), with a one and their biases behind them."""
        bias = self.item_bias[:, None]
        return torch.cat([self.item_embedding.weight, torch.ones_like(bias), bias], 1)

    def loss(self, batch: Batch) -> Tensor:
        num_met = self.num_met[batch.users]
        if bool((num_met == 0).any()):
            raise InputError("LogisticMF goes by how much each user met: call prepare(train) before it is trained")
        users, items = F.embedding(batch.users, self.user_vectors()), self.item_vectors()  # (B, D + 2), (V, D + 2)
        own = (users * F.embedding(batch.targets[:, 0], items)).sum(1)
        drawn = drawn_items(self.num_items, self.num_negatives, self.training, users.device)
        every = F.softplus(users @ F.embedding(drawn, items).T).mean(1)  # (B,): the mean over all items
        # (1 + a r) softplus(s) - a r s = softplus(s) + a r softplus(-s); a user's sum is shared by its interactions.
        return (self.alpha * F.softplus(-own) + self.num_items / num_met * every).mean()
