"""TrustSVD: SVD++ in which a user is also the sum of those whom the user trusts.

Guo, Zhang & Yorke-Smith, "TrustSVD: Collaborative Filtering with Both the Explicit and Implicit Influence of User Trust
and of Item Ratings", AAAI 2015.
Code followed: none; the paper's objective. LibRec adds the penalties of biases and vectors once for each rating, which
is |I_u| times as often as they stand there.
Departures:
- Adam on batches of ratings, where the paper takes the gradient of all ratings at once; a step has a rating's share of
  the rest, the whole sum over edges and vectors divided by the number of ratings, in full and exactly;
- who trusts whom is taken once, nobody trusting themselves; predictions are not cut to the range of ratings.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.keys import NotNegative
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.rated import RatedTower, products_of
from nextitem.models.social.edges import trusting
from nextitem.models.social.factors import table
from nextitem.nn.graphs.changes import turned
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_root, degrees


class RatedAndTrusted(nn.Module):
    """Who rated what and who trusts whom, with 1 / sqrt(degree) on the edges, and of all ends by itself."""

    by_ratings: Tensor  # (U,) of how many items a user rated; 0 where none, as all of these
    of_items: Tensor  # (V,) of how many users rated it
    by_trust: Tensor  # (U,) of how many a user trusts
    of_trusted: Tensor  # (U,) of how many trust them

    def __init__(self, rated: Edges, trusted: Edges, num_ratings: int) -> None:
        super().__init__()
        self.rated, self.trusted, self.num_ratings = by_root(rated), by_root(trusted), num_ratings
        ends = {"by_ratings": rated, "of_items": turned(rated), "by_trust": trusted, "of_trusted": turned(trusted)}
        for name, edges in ends.items():
            count = degrees(edges)
            self.register_buffer(name, count.rsqrt().masked_fill(count == 0, 0.0), persistent=False)


class TrustSVD(GraphModel[RatedAndTrusted], RatedTower):
    """TrustSVD: ratings by biases, factors, the items that a user rated and the users that they trust.

    The predicted rating is mean + b_u + b_i + q_i . (p_u + sum of y_j / sqrt(|I_u|) + sum of w_v / sqrt(|T_u|)), over
    the items j in I_u that u rated and the users v in T_u that u trusts. Trust is also predicted, p_u . w_v = 1. The
    objective, divided by the number of ratings, is half the sum of squared errors, `trust_weight` / 2 times the sum
    over edges of (p_u . w_v - 1)^2, and the paper's penalties, each over the root of a count: `l2` / 2 of biases, of q,
    y and w, and of p, which has `trust_weight` / 2 beside it.

    Arguments:
        trust_weight: what an edge counts for beside a rating (LibRec's 0.9).
        l2: of the penalties (LibRec's 1.2).
    """

    needs = ("trust",)
    answers_by_network = True
    loss = RatedTower.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 10,
        trust_weight: NotNegative = 0.9,
        l2: NotNegative = 1.2,
    ) -> None:
        super().__init__(num_users, num_items, dim + 2)
        self.trust_weight, self.l2 = trust_weight, l2
        self.user_embedding, self.item_embedding = table(num_users, dim), table(num_items, dim)  # p and q
        self.rated_embedding, self.trusted_embedding = table(num_items, dim), table(num_users, dim)  # y and w
        self.user_bias = nn.Parameter(torch.zeros(num_users + 1, 1))
        self.item_bias = nn.Parameter(torch.zeros(num_items + 1, 1))

    def prepare(self, train: TrainingData) -> None:
        RatedTower.prepare(self, train)
        super().prepare(train)

    def make_graph(self, train: TrainingData) -> RatedAndTrusted:
        return RatedAndTrusted(interactions(train), trusting(train), train.rows.num_interactions)

    def propagate(self, graph: RatedAndTrusted) -> tuple[Tensor, Tensor]:
        """Biases are elements of the vectors, beside a 1 on the other side."""
        users = self.user_embedding.weight + graph.rated(self.rated_embedding.weight)
        users = users + graph.trusted(self.trusted_embedding.weight)
        users = torch.cat([users, self.user_bias, torch.ones_like(self.user_bias)], 1)
        return users, torch.cat([self.item_embedding.weight, torch.ones_like(self.item_bias), self.item_bias], 1)

    def rate(self, scores: Tensor) -> Tensor:
        return self.mean + scores

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        graph, ratings = self.prepared_graph(), self.ratings_of(batch)
        errors = self.rate(products_of(batch, *self.propagated())) - ratings
        found = graph.trusted.inner_products(self.user_embedding.weight, self.trusted_embedding.weight)
        return {
            "ratings": 0.5 * errors.square().mean(),
            "trust": 0.5 * self.trust_weight * (found - 1).square().sum() / graph.num_ratings,
            "penalty": self._penalty(graph) / graph.num_ratings,
        }

    def _penalty(self, graph: RatedAndTrusted) -> Tensor:
        """The paper's, each vector once, a scalar."""
        p, q, y, w = (
            one.weight.square().sum(1)
            for one in (self.user_embedding, self.item_embedding, self.rated_embedding, self.trusted_embedding)
        )
        of_users, of_items = self.user_bias[:, 0].square() + p, self.item_bias[:, 0].square() + q + y
        by_ratings = graph.by_ratings @ of_users + graph.of_items @ of_items + graph.of_trusted @ w
        return 0.5 * (self.l2 * by_ratings + self.trust_weight * graph.by_trust @ p)
