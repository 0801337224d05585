"""SocialMF: a user's vector is near the mean of those whom the user trusts, whose vectors are near those of theirs.

Jamali & Ester, "A Matrix Factorization Technique with Trust Propagation for Recommendation in Social Networks",
RecSys 2010.
Code followed: none. Of the gradient by the vectors of who is trusted, QRec leaves out all and LibRec divides it by how
many trust them; here it is that of the paper's objective.
Departures:
- Adam on batches of ratings, where the paper takes the gradient of all ratings at once; the network is taken in full
  at each step (see factors.py), each pair once, nobody trusting themselves;
- a user who trusts nobody is drawn nowhere, where the paper's formula would draw them to zero;
- a score of 0 is the mean of ratings (`is_centred`), in the paper the middle of their range.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.keys import NotNegative
from nextitem.models.social.edges import trusting
from nextitem.models.social.factors import SocialFactors, squares, table
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_row, degrees


class SocialMF(SocialFactors):
    """SocialMF: matrix factorisation of ratings, with users near those whom they trust.

    score(u, i) = p_u . q_i. The objective, divided by the number of ratings, is half the sum over ratings of
    (g(p_u . q_i) - y)^2, y between 0 and 1, and half of `trust_weight` times the sum over users of |p_u - m_u|^2, m_u
    the mean of p_v over those whom u trusts. So someone without ratings is scored by those whom they trust.

    Arguments:
        trust_weight: what a user's distance counts for beside a rating.
        l2: weighs half the squared length of each vector, once.
        is_centred: whether a score of 0 is the mean of the ratings, or the middle of their range, as in the paper.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 10,
        trust_weight: NotNegative = 1.0,
        l2: NotNegative = 0.3,
        is_centred: bool = True,
    ) -> None:
        super().__init__(num_items, is_centred)
        self.trust_weight, self.l2 = trust_weight, l2
        self.user_embedding, self.item_embedding = table(num_users, dim), table(num_items, dim)

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def make_network(self, train: TrainingData) -> Edges:
        return by_row(trusting(train))

    def rating_losses(self, batch: Batch) -> Tensor:
        return 0.5 * super().rating_losses(batch)

    def trust_loss(self, network: Edges) -> Tensor:
        users = self.user_embedding.weight
        trusts = (degrees(network) > 0)[:, None]  # (U, 1)
        return 0.5 * self.trust_weight * (trusts * (users - network(users))).square().sum()

    def penalty(self) -> Tensor:
        return 0.5 * self.l2 * squares(self.user_embedding, self.item_embedding)
