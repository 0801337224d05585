"""SGL: two views of the graph, each without a part of it, should agree on every user and item.

Wu et al., "Self-supervised Graph Learning for Recommendation", SIGIR 2021, arXiv:2010.10783. Code followed: the
authors' SGL-TensorFlow, with its settings for Yelp2018.
Departures:
- all parts of the loss are means over the rows of a batch, where the code has sums: their ratio is the same. A user or
  an item of two rows counts twice in the contrast;
- the penalty is LightGCN's, in which an average item stands for the sampled negatives.

Sizes: B batch, U = num_users + 1, V = num_items + 1, E edges, D dim.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, expect_word
from nextitem.keys import AboveZero, NotNegative, Positive
from nextitem.models.base import Trained
from nextitem.models.bipartite import BipartiteModel
from nextitem.models.graph import interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.nn.graphs.bipartite import BipartiteGraph
from nextitem.nn.losses.contrastive import info_nce_among_all

Augmentation = Literal["edges", "nodes", "walk"]


class Views(nn.Module):
    """The graph, and a list of graphs for each view: one, or one a layer; before the first epoch they are whole."""

    users: Tensor  # (E,) int64, each edge once
    items: Tensor  # (E,)

    def __init__(self, train: TrainingData, num_users: int, num_items: int) -> None:
        super().__init__()
        met = interactions(train)
        self.num_users, self.num_items = num_users, num_items
        self.register_buffer("users", met.heads.long(), persistent=False)
        self.register_buffer("items", met.tails.long(), persistent=False)
        self.whole = BipartiteGraph(self.users, self.items, num_users, num_items)
        self.one, self.other = nn.ModuleList([self.whole]), nn.ModuleList([self.whole])

    def without_edges(self, share: float) -> BipartiteGraph:
        """A graph without a share of the edges, drawn alike; the degrees are those of what is left."""
        kept = torch.randperm(len(self.users))[round(share * len(self.users)) :].to(self.users.device)
        return BipartiteGraph(self.users[kept], self.items[kept], self.num_users, self.num_items)

    def without_nodes(self, share: float) -> BipartiteGraph:
        """A graph without all edges of a share of the users and of a share of the items."""
        is_kept = torch.ones_like(self.users, dtype=torch.bool)
        for nodes, count in ((self.users, self.num_users), (self.items, self.num_items)):
            is_gone = torch.zeros(count + 1, dtype=torch.bool)
            is_gone[1 + torch.randperm(count)[: round(share * count)]] = True
            is_kept &= ~is_gone.to(nodes.device)[nodes]
        return BipartiteGraph(self.users[is_kept], self.items[is_kept], self.num_users, self.num_items)


class SGL(BipartiteModel[Views]):
    """SGL: LightGCN beside two views of its graph that should agree.

    score(u, i) = p_u . q_i, LightGCN's. The loss has two parts, `ranking` and `contrast`: each user of a batch should
    find itself in the other view among all users, and each item among all items. Views are drawn anew every epoch.

    Arguments:
        augmentation: what a view is without: `edges` (SGL-ED), `nodes` and their edges (SGL-ND), or other edges at
            every layer, `walk` (SGL-RW).
        drop_share: how large a part a view is without.
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; cosines are divided by it.
        l2: of half the squared length of a batch's initial vectors.
    """

    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_layers: Positive = 3,
        augmentation: Augmentation = "edges",
        drop_share: float = 0.1,
        contrast_weight: NotNegative = 0.1,
        temperature: AboveZero = 0.2,
        l2: NotNegative = 1e-4,
    ) -> None:
        super().__init__(num_users, num_items, dim, num_layers, l2)
        expect_word("augmentation", augmentation, Augmentation)
        if not 0.0 <= drop_share < 1.0:
            raise InputError(f"drop_share must lie in [0, 1), found {drop_share}")
        self.augmentation, self.drop_share = augmentation, drop_share
        self.contrast_weight, self.temperature = contrast_weight, temperature
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> Views:
        return Views(train, len(self.user_embedding.weight) - 1, self.num_items)

    def begin_epoch(self, number: int) -> None:
        graph = self.prepared_graph()
        make = graph.without_nodes if self.augmentation == "nodes" else graph.without_edges
        count = self.num_layers if self.augmentation == "walk" else 1
        graph.one, graph.other = (nn.ModuleList(make(self.drop_share) for _ in range(count)) for _ in range(2))

    def propagate(self, graph: Views) -> tuple[Tensor, Tensor]:
        return self.mean_of(self.layers(graph.whole))

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        graph, weight = self.prepared_graph(), batch.weight_at((slice(None), 0))
        one, other = (self._view(graphs) for graphs in (graph.one, graph.other))
        contrasts = [
            info_nce_among_all(x, y, nodes, self.temperature, weight=weight)
            for x, y, nodes in zip(one, other, (batch.users, batch.targets[:, 0]), strict=True)
        ]
        return {
            "ranking": self.ranking_loss(batch, *self.propagate(graph)),
            "contrast": self.contrast_weight * torch.stack(contrasts).sum(),
        }

    def _view(self, graphs: nn.ModuleList) -> tuple[Tensor, Tensor]:
        """Users (U, D) and items (V, D) of a view, the same graph at every layer or one for each."""
        layers = [self.nodes()]
        for number in range(self.num_layers):
            layers.append(graphs[number % len(graphs)](layers[-1]))
        return self.mean_of(layers)
