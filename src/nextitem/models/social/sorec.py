"""SoRec: the vectors that explain whom a user trusts are those that explain how the user rates.

Ma et al., "SoRec: Social Recommendation Using Probabilistic Matrix Factorization", CIKM 2008.
Code followed: LibRec's form of the objective; QRec's is linear, without g.
Departures:
- Adam on batches of ratings, where paper and code take the gradient of all ratings at once; the network is taken in
  full at each step (see factors.py), each pair once, nobody trusting themselves;
- the penalty is the paper's, each vector once; LibRec adds it once for each rating and edge of the vector;
- a score of 0 is the mean of ratings (`is_centred`), in the paper the middle of their range.

Sizes: U = num_users + 1, V = num_items + 1, E edges, D dim.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.data.training_data import TrainingData
from nextitem.keys import NotNegative
from nextitem.models.social.edges import trusting
from nextitem.models.social.factors import SocialFactors, squares, table
from nextitem.nn.graphs.changes import turned
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import degrees


class SoRec(SocialFactors):
    """SoRec: ratings and trust are factorised together, with the same vectors of users.

    score(u, i) = p_u . q_i. The objective, divided by the number of ratings, is the sum over ratings of
    (g(p_u . q_i) - y)^2, y between 0 and 1, and `trust_weight` times that over edges of (g(p_u . z_k) - s_uk)^2, with
    s_uk = sqrt(d_k / (d_u + d_k)): d_k trust k, and u trusts d_u. Who is trusted by many says more.

    Arguments:
        trust_weight: what an edge counts for beside a rating.
        l2: weighs the squared length of each vector, once.
        is_centred: whether a score of 0 is the mean of the ratings, or the middle of their range, as in the paper.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 10,
        trust_weight: NotNegative = 1.0,
        l2: NotNegative = 0.1,
        is_centred: bool = True,
    ) -> None:
        super().__init__(num_items, is_centred)
        self.trust_weight, self.l2 = trust_weight, l2
        self.user_embedding, self.item_embedding = table(num_users, dim), table(num_items, dim)
        self.trusted_embedding = table(num_users, dim)  # of a user as one that is trusted

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def make_network(self, train: TrainingData) -> Edges:
        edges = trusting(train)
        trusts, is_trusted = degrees(edges)[edges.heads], degrees(turned(edges))[edges.tails]
        return edges.with_weights((is_trusted / (trusts + is_trusted)).sqrt())

    def trust_loss(self, network: Edges) -> Tensor:
        assert network.weights is not None
        found = network.inner_products(self.user_embedding.weight, self.trusted_embedding.weight).sigmoid()
        return self.trust_weight * (found - network.weights).square().sum()

    def penalty(self) -> Tensor:
        return self.l2 * squares(self.user_embedding, self.item_embedding, self.trusted_embedding)
