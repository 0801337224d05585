"""SimpleX: a user is a vector mixed with the items met, compared by cosines with many negatives. And MF-CCL.

Mao et al., "SimpleX: A Simple and Strong Baseline for Collaborative Filtering", CIKM 2021, arXiv:2109.12613. Code
followed: the authors' in BARS, with its settings for Gowalla.
Departures:
- the history is every item met in training, where the code cuts it;
- a user's vector is made of length 1 after dropout, the code's before;
- all rows of a batch share its negatives (`loss.shared`), so that their scores are one product;
- the penalty of the sampled negatives is replaced by that of an average item, as in our LightGCN.

Sizes: U = num_users + 1, V = num_items + 1, E interactions, each once, D dim.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import expect_word
from nextitem.keys import NotNegative, Share
from nextitem.models.graph import GraphModel, half_squares, interactions
from nextitem.models.initialise import initialise_normal
from nextitem.nn.dropout import Dropout
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_row
from nextitem.nn.scorers import Cosine

Aggregation = Literal["mean", "attention"]


class SimpleX(GraphModel[Edges]):
    """SimpleX: a user is a vector mixed with the items met, by the cosine contrastive loss (`loss.name: ccl`).

    score(u, i) is the cosine of (1 - s) p_u + s W h_u with q_i, s the `history_share` and h_u made of the vectors of
    the items that u met. With `history_share: 0` it is MF-CCL, matrix factorisation.

    Arguments:
        history_share: s, one minus the paper's gamma: 0.2 on Gowalla, 0 on Yelp2018, 0.5 on Amazon-Book.
        aggregation: h_u, the `mean` of the items, or by `attention`, softmax of tanh(K q_i) . p_u.
        dropout: on the user's vector.
        l2: of half the squared length of a batch's vectors.
    """

    own_scorer = Cosine

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        history_share: Share = 0.2,
        aggregation: Aggregation = "attention",
        dropout: float = 0.1,
        l2: NotNegative = 1e-7,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        expect_word("aggregation", aggregation, Aggregation)
        self.history_share, self.aggregation, self.l2 = history_share, aggregation, l2
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.dropout = Dropout(dropout)
        initialise_normal(self, std=1e-4)
        maps = ["value", "key"] if aggregation == "attention" else ["value"]
        self.maps = nn.ModuleDict({name: nn.Linear(dim, dim, bias=False) for name in maps if history_share})

    def make_graph(self, train: TrainingData) -> Edges:
        return by_row(interactions(train))

    def propagate(self, graph: Edges) -> tuple[Tensor, Tensor]:
        users, items = self.user_embedding.weight, self.item_embedding.weight
        if not self.history_share:
            return users, items
        weights = None  # those of a mean
        if self.aggregation == "attention":
            weights = graph.softmax(graph.inner_products(users, torch.tanh(self.maps["key"](items))))
        history: Tensor = self.maps["value"](graph(items, weights))
        return (1.0 - self.history_share) * users + self.history_share * history, items

    def loss(self, batch: Batch) -> Tensor:
        users, items = self.propagated()
        penalty = half_squares(batch, self.user_embedding.weight, self.item_embedding.weight)
        return self.loss_over(batch, self.dropout(users), items) + self.l2 * penalty
