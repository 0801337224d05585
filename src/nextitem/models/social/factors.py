"""SocialFactors: the base of matrix factorisations of ratings whose objective has who trusts whom beside them.

The published objectives are sums over all ratings, all trust edges and all vectors. Here a step takes the mean over its
batch of ratings and, for each rating, its share of the rest: the whole sum over edges and vectors, divided by the
number of ratings in training. So its gradient is, at the mean over batches, that of the published objective divided by
that number. The sum over edges is made in full at each step, exactly: one product over the edges, which for a network
with fewer edges than there are numbers in the tables costs less than the optimizer's step over these.

Sizes: U = num_users + 1, V = num_items + 1, E edges, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.initialise import initialise_normal
from nextitem.models.rated import RatedTower
from nextitem.models.social.edges import trusting
from nextitem.nn.graphs.edges import Edges

STD = 0.1  # of first vectors, LibRec's


class SocialFactors(RatedTower):
    """Ratings are g(score), brought to their range, with g the logistic function. A new one is the vectors, the losses.

    The loss has three parts: `ratings`, and what stands beside them, `trust` and `penalty`. With `is_centred` a score
    of 0 is the mean of the ratings; without, as in the papers, the middle of their range, which is what a user or an
    item that nothing is known of then gets.
    """

    needs = ("trust",)
    answers_by_network = True

    def __init__(self, num_items: int, is_centred: bool) -> None:
        super().__init__(num_items)
        self.is_centred = is_centred
        self.network: Edges | None = None
        self.num_ratings = 0  # of training

    def make_network(self, train: TrainingData) -> Edges:
        """Who trusts whom: a head trusts a tail."""
        return trusting(train)

    def trust_loss(self, network: Edges) -> Tensor:
        """The sum over the whole network, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no trust_loss")

    def penalty(self) -> Tensor:
        """The sum over all vectors, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no penalty")

    def rating_losses(self, batch: Batch) -> Tensor:
        """The squared error (N,) of each pair of a batch; a paper's factor of it is the model's."""
        return self.squared_errors(*self.pair_scores(batch))

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        self.network, self.num_ratings = self.make_network(train), train.rows.num_interactions

    def prepared_network(self) -> Edges:
        """The network that `prepare` made.

        Raises:
            InputError: there is none, because the model was loaded and has not seen the training rows.
        """
        if self.network is None:
            raise InputError(
                f"{type(self).__name__} was loaded without its network: it scores, and to train it call prepare(train) "
                "first"
            )
        return self.network

    def rate(self, scores: Tensor) -> Tensor:
        return self.lowest + (self.highest - self.lowest) * self.shares(scores)

    def shares(self, scores: Tensor) -> Tensor:
        """Scores as places in the range of ratings, 0 the lowest and 1 the highest."""
        if not self.is_centred:
            return scores.sigmoid()
        return (scores + torch.logit((self.mean - self.lowest) / (self.highest - self.lowest))).sigmoid()

    def squared_errors(self, scores: Tensor, ratings: Tensor) -> Tensor:
        """Squares (N,) of how far ratings (N,) are from those that scores (N,) give, in a range of 0 to 1."""
        return (self.shares(scores) - (ratings - self.lowest) / (self.highest - self.lowest)).square()

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        network = self.prepared_network()
        return {
            "ratings": self.rating_losses(batch).mean(),
            "trust": self.trust_loss(network) / self.num_ratings,
            "penalty": self.penalty() / self.num_ratings,
        }


def table(count: int, dim: int) -> nn.Embedding:
    """(count + 1, dim) vectors with a small random start, zero at the padding."""
    vectors = nn.Embedding(count + 1, dim, padding_idx=PAD)
    initialise_normal(vectors, STD)
    return vectors


def squares(*tables: nn.Embedding) -> Tensor:
    """The sum of the squares of all numbers of some tables, a scalar."""
    return torch.stack([one.weight.square().sum() for one in tables]).sum()
