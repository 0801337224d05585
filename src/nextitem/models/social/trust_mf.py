"""TrustMF: a user rates as one that trusts and as one that is trusted, and each half is learned by itself.

Yang et al., "Social Collaborative Filtering by Trust", IJCAI 2013.
Code followed: none; the paper's objective. LibRec trains each half on the error of both together.
Departures:
- Adam on batches of ratings, where the paper takes the gradient of all ratings at once; both halves are trained in the
  same steps, which as they share nothing is the same; the network is taken in full at each step (see factors.py);
- a score of 0 is the mean of ratings (`is_centred`), in the paper the middle of their range.

Sizes: U = num_users + 1, V = num_items + 1, N pairs, D dim.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.keys import NotNegative
from nextitem.models.graph import interactions
from nextitem.models.rated import products_of
from nextitem.models.social.factors import SocialFactors, table
from nextitem.nn.graphs.changes import turned
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import degrees


class Half(nn.Module):
    """One of the two models: vectors of users as trusting and as trusted, and of items."""

    def __init__(self, num_users: int, num_items: int, dim: int) -> None:
        super().__init__()
        self.trusting, self.trusted = table(num_users, dim), table(num_users, dim)
        self.items = table(num_items, dim)


class TrustMF(SocialFactors):
    """TrustMF: one factorisation of ratings by users as trusting, one by users as trusted; a rating is by both.

    score(u, i) = (b_u + w'_u) . (v_i + v'_i) / 4, b and v of the half in which users rate as trusting, w' and v' of the
    other, in which they rate as trusted. The objective of the first, divided by the number of ratings, is the sum over
    ratings of (g(b_u . v_i) - y)^2, y between 0 and 1, `trust_weight` times the sum over edges of
    (g(b_u . w_k) - 1)^2, and `l2` times the squared lengths, each as often as its user or item has ratings or edges.
    That of the second has w'_u . v'_i and b'_u . w'_k.

    Arguments:
        trust_weight: what an edge counts for beside a rating.
        l2: of the penalties.
        is_centred: whether a score of 0 is the mean of the ratings, or the middle of their range, as in the paper.
    """

    ratings_of_user: Tensor  # (U,) how many ratings each user has
    ratings_of_item: Tensor  # (V,)
    trusts: Tensor  # (U,) how many each trusts
    is_trusted: Tensor  # (U,) how many trust each

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 10,
        trust_weight: NotNegative = 1.0,
        l2: NotNegative = 0.01,
        is_centred: bool = True,
    ) -> None:
        super().__init__(num_items, is_centred)
        self.trust_weight, self.l2 = trust_weight, l2
        self.truster, self.trustee = Half(num_users, num_items, dim), Half(num_users, num_items, dim)

    def user_vectors(self) -> Tensor:
        return (self.truster.trusting.weight + self.trustee.trusted.weight) / 2

    def item_vectors(self) -> Tensor:
        return (self.truster.items.weight + self.trustee.items.weight) / 2

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        met, network = interactions(train), self.prepared_network()
        counted = {"ratings_of_user": met, "ratings_of_item": turned(met), "trusts": network}
        for name, edges in {**counted, "is_trusted": turned(network)}.items():
            self.register_buffer(name, degrees(edges), persistent=False)

    def rating_losses(self, batch: Batch) -> Tensor:
        ratings = self.ratings_of(batch)
        one = products_of(batch, self.truster.trusting.weight, self.truster.items.weight)
        other = products_of(batch, self.trustee.trusted.weight, self.trustee.items.weight)
        return self.squared_errors(one, ratings) + self.squared_errors(other, ratings)

    def trust_loss(self, network: Edges) -> Tensor:
        one, other = (
            (network.inner_products(half.trusting.weight, half.trusted.weight).sigmoid() - 1).square().sum()
            for half in (self.truster, self.trustee)
        )
        return self.trust_weight * (one + other)

    def penalty(self) -> Tensor:
        halves = (
            (self.truster, self.trusts + self.ratings_of_user, self.is_trusted),
            (self.trustee, self.trusts, self.is_trusted + self.ratings_of_user),
        )
        one, other = (
            trusts @ _lengths(half.trusting) + is_trusted @ _lengths(half.trusted)
            + self.ratings_of_item @ _lengths(half.items)
            for half, trusts, is_trusted in halves
        )  # fmt: skip
        return self.l2 * (one + other)


def _lengths(vectors: nn.Embedding) -> Tensor:
    """The squared length of each vector."""
    return vectors.weight.square().sum(1)
