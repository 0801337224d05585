"""BPR: matrix factorisation that ranks what a user met above what they did not.

Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009, arXiv:1205.2618.
Code followed: RecStudio's BPR (no bias terms, Xavier-normal vectors).
Departures: Adam instead of stochastic gradient descent; the paper's L2 penalty is the optimizer's weight decay.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import TwoTower


class BPR(TwoTower):
    """BPR: matrix factorisation that ranks what a user met above what they did not.

    score(u, i) = p_u . q_i, trained on -log sigmoid(score(u, i) - score(u, j)) with sampled j (`loss.name: bpr`).
    """

    def __init__(self, num_users: int, num_items: int, dim: int = 64) -> None:
        super().__init__(num_items)
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        initialise_xavier(self)

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight
