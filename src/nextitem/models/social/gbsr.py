"""GBSR: LightGCN on users, items and friends in one graph, from which it cuts what friends tell beyond taste.

Yang et al., "Graph Bottlenecked Social Recommendation", KDD 2024, arXiv:2406.08214.
Code followed: the authors' (yimutianyang/KDD24-GBSR, its PyTorch version).
Departures:
- gates learn by gradients, as in the paper. In the published code they cannot (it cuts them off from the loss, and its
  TensorFlow form writes them by an operation without a derivative): there edges weigh random numbers between 0.5 and
  1.5, which is `gates` of `fixed`;
- in use gates are those without noise, where the code draws them anew at every evaluation;
- the dependence of the passes is divided by the nodes that a batch has, as it is defined, not by the size of batches;
- the penalty of sampled negatives is replaced by its mean over all items, as in LightGCN;
- trust in oneself is left out.

Sizes: U = num_users + 1, V = num_items + 1, M = U + V (items behind users), E edges, S those between users, D dim.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, expect_word
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, half_squares, interactions
from nextitem.models.social.edges import befriended, united
from nextitem.models.social.ends import BothEnds
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import symmetric
from nextitem.nn.losses.independence import hsic

Gates = Literal["learned", "fixed", "none"]
TEMPERATURE, BIAS = 0.2, 0.5  # the code's, of gates


class Circle(nn.Module):
    """Who met what and who is whose friend as one graph, and which of its edges are the friends'."""

    places: Tensor  # (S,) int64

    def __init__(self, met: Edges, friends: Edges) -> None:
        super().__init__()
        self.whole, self.friends = symmetric(united(met, friends)), friends
        is_between_users = (self.whole.heads < met.num_nodes) & (self.whole.tails < met.num_nodes)
        self.register_buffer("places", is_between_users.nonzero()[:, 0], persistent=False)

    def weights(self, gates: Tensor) -> Tensor:
        """(E,): those of the whole graph, with those between users times `gates` (S,), sorted by head, then tail."""
        whole = self.whole.weights
        assert whole is not None
        return whole.to(gates.dtype).index_copy(0, self.places, gates * whole.index_select(0, self.places))


class GBSR(GraphModel[Circle]):
    """GBSR: LightGCN over items and friends, with a gate on every edge between friends that lets through what ranks.

    score(u, i) = p_u . q_i, the means of a vector and its 1- to num_layers-step propagations over the gated graph. The
    gate of an edge is 0.5 + sigmoid(x / 0.2), x layers of both ends with logistic noise in training. The loss has two
    parts, `ranking` with the gates, and `bottleneck`: how much vectors with gates depend on those without. For N
    different users or items of a batch that holds about a dozen tables of N^2 numbers: 0.2 GB at 2,000.

    Arguments:
        l2: weighs half the squared length of a batch's own vectors.
        bottleneck_weight: what `bottleneck` counts for (the paper's beta: 3 on Epinions, 2 on Yelp, 40 on
            Douban-Book). With 0, or without gates, there is no such part and no second pass.
        bandwidth: of the kernels of `bottleneck` (the paper's sigma: 0.25, and 2.5 on Douban-Book).
        gates: `learned`; `fixed`, drawn with layers that never learn, as in the published figures; or `none`, LightGCN
            on the graph with friends, the paper's LightGCN-S.
    """

    needs = ("trust",)
    answers_by_network = True
    compares_rows = True
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_layers: int = 3,
        l2: float = 1e-4,
        bottleneck_weight: float = 3.0,
        bandwidth: float = 0.25,
        gates: Gates = "learned",
    ) -> None:
        super().__init__(num_users, num_items, dim)
        expect_word("gates", gates, Gates)
        if num_layers < 0 or bandwidth <= 0:
            raise InputError(f"num_layers must be 0 or more and bandwidth above 0, found {num_layers} and {bandwidth}")
        self.num_layers, self.l2 = num_layers, l2
        self.bottleneck_weight, self.bandwidth = bottleneck_weight if gates != "none" else 0.0, bandwidth
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        for table in (self.user_embedding, self.item_embedding):
            nn.init.normal_(table.weight.data[1:], std=0.01)
        self.gate = None if gates == "none" else BothEnds(dim).requires_grad_(gates == "learned")
        self.learns_gates = gates == "learned"

    def make_graph(self, train: TrainingData) -> Circle:
        return Circle(interactions(train), befriended(train))

    def propagate(self, graph: Circle) -> tuple[Tensor, Tensor]:
        return self._smoothed(graph.whole, None if self.gate is None else graph.weights(self._gates(graph.friends)))

    def _gates(self, friends: Edges) -> Tensor:
        """(S,) in 0.5..1.5."""
        assert self.gate is not None
        users = self.user_embedding.weight if self.learns_gates else self.user_embedding.weight.detach()
        x = self.gate(friends, users, users)
        if self.training:
            draws = torch.rand(len(x), dtype=torch.float64).to(x.device)
            x = x + torch.logit(draws, eps=1e-12).to(x.dtype)
        return torch.sigmoid(x / TEMPERATURE) + BIAS

    def _smoothed(self, edges: Edges, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The mean of the layers over `edges`, which weigh `weights` (E,) or their own: (U, D) and (V, D)."""
        layer = total = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        for _ in range(self.num_layers):
            layer = edges(layer, weights)
            total = total + layer
        users, items = torch.split(total / (self.num_layers + 1), [len(self.user_embedding.weight), self.num_items + 1])
        return users, items

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        users, items = self.propagated()
        penalty = half_squares(batch, self.user_embedding.weight, self.item_embedding.weight)
        parts = {"ranking": self.loss_over(batch, users, items) + self.l2 * penalty}
        if self.bottleneck_weight:
            parts["bottleneck"] = self.bottleneck_weight * self._dependence(batch, users, items)
        return parts

    def _dependence(self, batch: Batch, users: Tensor, items: Tensor) -> Tensor:
        """Of the gated vectors on those of the whole graph, over the users and the targets of the batch, each once."""
        weight = batch.weight_at((slice(None), 0))
        is_row = slice(None) if weight is None else weight > 0
        total = users.new_zeros(())
        whole = self._smoothed(self.prepared_graph().whole)
        for nodes, gated, plain in zip((batch.users, batch.targets[:, 0]), (users, items), whole, strict=True):
            chosen = torch.unique(nodes[is_row])
            total = total + hsic(gated.index_select(0, chosen), plain.index_select(0, chosen), self.bandwidth)
        return total
