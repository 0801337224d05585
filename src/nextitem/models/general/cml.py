"""CML: users and items as points of the unit ball, where a user is nearer to what they like than to the nearest other.

Hsieh et al., "Collaborative Metric Learning", WWW 2017. Code followed: the authors' as BARS has it, with Adam.
Departures:
- the loss is a mean over rows, the code's a sum, which under Adam is the same;
- the covariance penalty is the paper's, of squares; the code adds up covariances with their signs, so that it may be
  negative. It is off, as in BARS;
- without the part for features of items.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.keys import NotNegative
from nextitem.models.initialise import initialise_normal
from nextitem.models.towers import TwoTower
from nextitem.nn.scorers import Euclidean


class CML(TwoTower):
    """CML: users and items as points of the unit ball, the nearest items first (`loss.name: hinge`).

    score(u, i) = -|p_u - q_i|^2. The loss of its recipe is how much farther than the nearest of the sampled items,
    less a margin, the item lies, times log(1 + its estimated rank).

    `covariance_weight` weighs the squared covariances between different dimensions of all points: 0 leaves them out.
    """

    own_scorer = Euclidean

    def __init__(self, num_users: int, num_items: int, dim: int = 100, covariance_weight: NotNegative = 0.0) -> None:
        super().__init__(num_items)
        self.covariance_weight = covariance_weight
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        initialise_normal(self, std=dim**-0.5)

    def user_vectors(self) -> Tensor:
        """The points of all users (U, D); in training the table itself, which the loss has brought into the ball."""
        return self.user_embedding.weight if self.training else in_ball(self.user_embedding.weight)

    def item_vectors(self) -> Tensor:
        """The points of all items (V, D); in training the table itself, which the loss has brought into the ball."""
        return self.item_embedding.weight if self.training else in_ball(self.item_embedding.weight)

    def loss(self, batch: Batch) -> Tensor:
        if self.training:  # what the step before has moved out of the ball
            with torch.no_grad():
                for table in (self.user_embedding.weight, self.item_embedding.weight):
                    table.copy_(in_ball(table))
        loss = super().loss(batch)
        if not self.covariance_weight:
            return loss
        points = torch.cat([self.user_vectors()[1:], self.item_vectors()[1:]])
        return loss + self.covariance_weight * covariances(points)


def in_ball(points: Tensor) -> Tensor:
    """Points (N, D), those of a length above 1 moved to 1."""
    return points / points.norm(dim=1, keepdim=True).clamp(min=1.0)


def covariances(points: Tensor) -> Tensor:
    """The sum of the squared covariances between different dimensions of points (N, D), a scalar."""
    table = torch.cov(points.T, correction=0)
    return table.square().sum() - table.diagonal().square().sum()
