"""DiffNet++: friends and what users met reach them together, layer by layer, each edge and each graph by attention.

Wu et al., "DiffNet++: A Neural Influence and Interest Diffusion Network for Social Recommendation", TKDE 2020,
arXiv:2002.00844. Followed: the paper for what edges weigh, layers of both ends; the authors' code
(PeiJieSun/diffnet) for the rest. There an edge's score is a number of its own, which no new edge can have.
Departures:
- the paper's reviews are left out, which were never published;
- a loss from outside (`bpr` in the recipe) instead of the authors' squared error over eight negatives;
- the network is taken without direction, repeats and trust in oneself.

Sizes: U = num_users + 1, V = num_items + 1, N nodes, D dim, O of all layers side by side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.social.edges import befriended
from nextitem.models.social.ends import BothEnds
from nextitem.nn.graphs.changes import turned
from nextitem.nn.graphs.edges import Edges


class Graphs(nn.Module):
    """Who met what, by whom an item was met, and who is whose friend."""

    def __init__(self, met: Edges, friends: Edges) -> None:
        super().__init__()
        self.met, self.meeting, self.friends = met, turned(met), friends


class DiffNetPP(GraphModel[Graphs]):
    """DiffNet++: users take in, layer by layer, what they met and their friends; items take in who met them.

    score(u, i) = p_u . q_i, each a node's own vector and those of all layers, side by side. With s a sum that attention
    weighs, u' = u / 2 + (a s(items met) + b s(friends)) / 2 and i' = c i + d s(users); the shares a + b = 1 and
    c + d = 1 are of each node, by layers of its vector beside either part.
    """

    needs = ("trust",)
    answers_by_network = True

    def __init__(self, num_users: int, num_items: int, dim: int = 64, num_layers: int = 2) -> None:
        """`num_layers`: how many steps influence and interest go (the authors' 2)."""
        if num_layers < 0:
            raise InputError(f"num_layers must be 0 or more, found {num_layers}")
        super().__init__(num_users, num_items, dim * (num_layers + 1))
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        for table in (self.user_embedding, self.item_embedding):
            nn.init.normal_(table.weight.data[1:], std=0.01)
        self.layers = nn.ModuleList(Diffusion(dim) for _ in range(num_layers))

    def make_graph(self, train: TrainingData) -> Graphs:
        return Graphs(interactions(train), befriended(train))

    def propagate(self, graph: Graphs) -> tuple[Tensor, Tensor]:
        users, items = [self.user_embedding.weight], [self.item_embedding.weight]
        for layer in self.layers:
            next_users, next_items = layer(graph, users[-1], items[-1])
            users.append(next_users)
            items.append(next_items)
        return torch.cat(users, 1), torch.cat(items, 1)


class Diffusion(nn.Module):
    """A layer: what flows over the edges of each graph, and how much of it a node takes in."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.of_met, self.of_meeting, self.of_friends = (BothEnds(dim, has_bias=False) for _ in range(3))
        self.user_shares, self.item_shares = Shares(dim, (0.7, 0.3)), Shares(dim, (1.0, 1.0))

    def forward(self, graph: Graphs, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """users (U, D), items (V, D) -> the same of the next layer."""
        met, meeting, friends = graph.met, graph.meeting, graph.friends
        tastes = met(items, met.softmax(self.of_met(met, users, items)))
        influence = friends(users, friends.softmax(self.of_friends(friends, users, users)))
        audience = meeting(users, meeting.softmax(self.of_meeting(meeting, items, users)))
        return (users + self.user_shares(users, tastes, influence)) / 2, self.item_shares(items, items, audience)


class Shares(nn.Module):
    """Two parts of a node, mixed by exp(lrelu(w . tanh(W [own; part] + b) + c)) + floor of each, over their sum."""

    def __init__(self, dim: int, floors: tuple[float, float]) -> None:
        """`floors`: the code's, of the two parts; the larger one counts for more to begin with."""
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in floors)
        self.output = nn.ModuleList(nn.Linear(dim, 1) for _ in floors)
        self.floors = floors

    def forward(self, own: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """(N, D) each -> (N, D)."""
        first, second = (
            F.leaky_relu(output(torch.tanh(hidden(torch.cat([own, part], 1)))), 0.2).exp() + floor
            for hidden, output, part, floor in zip(self.hidden, self.output, (one, other), self.floors, strict=True)
        )
        return (first * one + second * other) / (first + second)
