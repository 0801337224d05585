"""MHCN: three hypergraphs of users, of friends, of friends with common items and of others with common items.

Yu et al., "Self-Supervised Multi-Channel Hypergraph Convolutional Network for Social Recommendation", WWW 2021,
arXiv:2101.06448. Code followed: the authors' in QRec.
Departures:
- means in place of sums. The contrast was a sum over all users beside one over a batch's rows, at 0.01; as means that
  is 0.01 * users / rows, with batches of 2,000 again 0.01 on LastFM (1,892 users), 0.014 on Douban, 0.1 on Yelp;
- the penalty, 0.001 of half the squared length of all weights beside such a sum, is the optimizer's weight decay, and
  by the same reckoning 5e-7;
- whoever trusts a user twice, or themselves, counts once, or not at all. RecBole-GNN adds up the two directions of
  LastFM's friendships, which empties two of the three hypergraphs; its published figures are those of the third.

A user without any triangle of friends and without items is scored by the gates alone.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.models.social.edges import trusting
from nextitem.models.social.motifs import edges_of, matrix_of, shared_by_friends, shared_by_others, triangles
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import by_row, degrees, symmetric

CHANNELS = 3  # friends, friends with common items, others with common items


class Hypergraphs(nn.Module):
    """The means over each channel's neighbours, (U, D) -> (U, D), and who met what."""

    def __init__(self, channels: list[nn.Module], met: Edges) -> None:
        super().__init__()
        self.channels, self.met = nn.ModuleList(channels), symmetric(met)


class Sharing(nn.Module):
    """The mean over those that share items and are no friends, by how many: D^-1 (Y Y^T - A8 - A9), without a table."""

    scale: Tensor  # (U, 1)

    def __init__(self, met: Edges, friends: Edges) -> None:
        super().__init__()
        self.met, self.friends = met, friends
        num_users = met.turned(torch.ones(met.num_nodes, 1))  # (V, 1) that met an item
        sums = met(num_users) - degrees(friends)[:, None]
        self.register_buffer("scale", sums.reciprocal().masked_fill(sums == 0, 0.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.met(self.met.turned(x)) - self.friends(x)) * self.scale


class Gate(nn.Linear):
    """What of a user's vector passes into a channel, element by element: x * sigmoid(x W + b)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(super().forward(x))


class MHCN(GraphModel[Hypergraphs]):
    """MHCN: a user is the attended mix of means over three kinds of neighbours, beside the items met.

    score(u, i) = p_u . q_i, both propagated. Neighbours are those in triangles of trust, friends by the items shared,
    and others by the items shared. The loss has two parts, `ranking` and `contrast`.

    Arguments:
        num_layers: of the means, and of the graph of who met what.
        contrast_weight: what `contrast` counts for: a user should agree with the neighbours' mean more than another
            user does, and that mean with the mean of all more than one with shuffled elements does; of each channel.
        least_shared: items that two who are no friends must share to be neighbours (the code's 2; SELFRec's 4). With
            1 no table of pairs is made.
        most_pairs: of that table, by an upper bound; a pair takes about 80 bytes while it is made.
    """

    needs = ("trust",)
    answers_by_network = True  # where some of those whom the user trusts trust each other
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 50,
        num_layers: int = 2,
        contrast_weight: float = 0.01,
        least_shared: int = 2,
        most_pairs: int = 20_000_000,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        if num_layers < 0 or least_shared < 1:
            raise InputError(
                f"num_layers must be 0 or more and least_shared 1 or more, found {num_layers} and {least_shared}"
            )
        self.num_layers, self.contrast_weight = num_layers, contrast_weight
        self.least_shared, self.most_pairs = least_shared, most_pairs
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.gates = nn.ModuleList(Gate(dim, dim) for _ in range(CHANNELS))
        self.simple_gate = Gate(dim, dim)
        self.contrast_gates = nn.ModuleList(Gate(dim, dim) for _ in range(CHANNELS))
        self.attention = nn.Parameter(torch.empty(dim, 1))
        self.attention_map = nn.Parameter(torch.empty(dim, dim))
        initialise_xavier(self)
        for table in (self.user_embedding, self.item_embedding):
            nn.init.trunc_normal_(table.weight.data[1:], std=0.005, a=-0.01, b=0.01)

    def make_graph(self, train: TrainingData) -> Hypergraphs:
        pairs = interactions(train)
        trust, met = matrix_of(trusting(train)), matrix_of(pairs)
        by_friends = shared_by_friends(trust, met)
        friends, sharing = edges_of(sum(triangles(trust), start=0 * trust)), edges_of(by_friends)
        others = (
            Sharing(pairs, sharing)
            if self.least_shared == 1
            else by_row(edges_of(shared_by_others(met, by_friends, self.least_shared, self.most_pairs)))
        )
        return Hypergraphs([by_row(friends), by_row(sharing), others], pairs)

    def propagate(self, graph: Hypergraphs) -> tuple[Tensor, Tensor]:
        users, items = self.user_embedding.weight, self.item_embedding.weight
        layer = sums = [*(gate(users) for gate in self.gates), self.simple_gate(users), items]
        for _ in range(self.num_layers):
            *channels, simple, items = layer
            means = [mean(x) for mean, x in zip(graph.channels, channels, strict=True)]
            layer = [*means, graph.met(items), graph.met.turned(self._mixed(channels, simple))]
            sums = [total + F.normalize(x, dim=1) for total, x in zip(sums, layer, strict=True)]
        *channels, simple, items = sums
        return self._mixed(channels, simple), items

    def _mixed(self, channels: list[Tensor], simple: Tensor) -> Tensor:
        """(U, D): the channels by what each user attends to, and half of what follows from the items met."""
        x = torch.stack(channels)  # (3, U, D)
        shares = (x @ (self.attention_map @ self.attention)).softmax(0)  # (3, U, 1)
        return (shares * x).sum(0) + simple / 2

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        users, items = self.propagated()
        return {
            "ranking": self.loss_over(batch, users, items),
            "contrast": self.contrast_weight * self._contrast(users),
        }

    def _contrast(self, users: Tensor) -> Tensor:
        """Of all users (U, D), over all channels; a mean over users."""
        losses = []
        for gate, mean in zip(self.contrast_gates, self.prepared_graph().channels, strict=True):
            own = gate(users)
            losses.append(hierarchy_loss(own[1:], mean(own)[1:], is_drawn=self.training))
        return torch.stack(losses).sum()


def hierarchy_loss(own: Tensor, means: Tensor, is_drawn: bool = True) -> Tensor:
    """How far users, their neighbours and all of them do not agree more than what is shuffled does; a mean over users.

    Both (N, D): s(user, mean) should be above s(another user, mean), that above s(user, shuffled means), and s(mean,
    mean of all) above s(shuffled mean, mean of all); s is an inner product, each step a -log sigmoid of the difference.
    Without `is_drawn` the shuffled take each one the place of the one before, so that a loss can be compared.
    """

    def order(size: int) -> Tensor:
        return (torch.randperm(size) if is_drawn else torch.arange(size).roll(1)).to(own.device)

    def shuffled(x: Tensor) -> Tensor:
        return x[order(len(x))][:, order(x.shape[1])]

    everyone = means.mean(0)
    near, other, far = (
        (x * y).sum(1) for x, y in ((own, means), (own[order(len(own))], means), (own, shuffled(means)))
    )
    local = F.softplus(other - near) + F.softplus(far - other)
    return (local + F.softplus(shuffled(means) @ everyone - means @ everyone)).mean()
