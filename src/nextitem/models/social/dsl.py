"""DSL: users by what they met and by their friends, with friends trusted as far as tastes say.

Wang, Xia & Huang, "Denoised Self-Augmented Learning for Social Recommendation", IJCAI 2023, arXiv:2305.12685.
Code followed: the authors' (HKUDS/DSL).
Departures:
- the alignment is a mean over its pairs, where the code has a sum over 1,024, at 1e-5; the weight is times as many;
- the penalty, 1e-5 of the squared length of all weights, is the optimizer's weight decay of 2e-5;
- friends are taken without direction, and nobody is their own;
- a friend is drawn with a user who is none at every step, where the code draws the latter once an epoch.

Friends act in training alone: a user without items is scored by the own vector, which friends have drawn near.

Sizes: P pairs, U = num_users + 1, V = num_items + 1, M = U + V (items behind users), D dim.
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
from nextitem.models.social.edges import befriended, united
from nextitem.nn.dropout import Dropout
from nextitem.nn.graphs.changes import with_loops
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import symmetric
from nextitem.nn.samplers.uniform import UniformSampler


class Views(nn.Module):
    """Who met what and who is whose friend, apart, each node beside itself; and who is no friend."""

    def __init__(self, met: Edges, friends: Edges) -> None:
        super().__init__()
        self.pairs = friends
        self.met, self.friends = symmetric(with_loops(united(met))), symmetric(with_loops(friends))
        self.strangers = UniformSampler(friends.num_nodes - 1, friends.tails.long(), friends.offsets.long())


class Likeness(nn.Module):
    """How alike the tastes of two users are, 0 to 1: sigmoid(w . (lrelu(W [x; y] + b) + x + y) + c), with dropout."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.hidden, self.output, self.dropout = nn.Linear(2 * dim, dim), nn.Linear(dim, 1), Dropout(dropout)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """(P, D) and (P, D) -> (P,)."""
        hidden = F.leaky_relu(self.dropout(self.hidden(torch.cat([one, other], 1))), 0.5) + one + other
        return torch.sigmoid(self.dropout(self.output(hidden)))[:, 0]


class DSL(GraphModel[Views]):
    """DSL: two LightGCNs on one table of users, over what they met and over friends, that are made to agree.

    score(u, i) = p_u . q_i, a vector and its propagations over who met what, added up. The loss has three parts:
    `ranking`; `social`, BPR of a friend above another user, by vectors propagated over friends; and `alignment`, the
    mean of max(0, 1 - a x_u . x_v) over pairs of users that are drawn, x those social vectors and a how alike the
    tastes of the two are, by layers of what both met.

    Arguments:
        num_layers: over who met what.
        num_social_layers: over friends.
        social_weight: what `social` counts for (the authors' on Ciao). As many friends are drawn as a batch has rows.
        alignment_weight: what `alignment` counts for.
        num_pairs: of users, that a step draws for it.
        dropout: in the layers of likeness.
    """

    needs = ("trust",)
    answers_by_network = True
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 512,
        num_layers: int = 2,
        num_social_layers: int = 1,
        social_weight: float = 0.1,
        alignment_weight: float = 0.01,
        num_pairs: int = 1024,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        if min(num_layers, num_social_layers) < 0 or num_pairs < 1:
            raise InputError(
                "num_layers and num_social_layers must be 0 or more and num_pairs 1 or more, found "
                f"{num_layers}, {num_social_layers} and {num_pairs}"
            )
        self.num_layers, self.num_social_layers, self.num_pairs = num_layers, num_social_layers, num_pairs
        self.social_weight, self.alignment_weight = social_weight, alignment_weight
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        for table in (self.user_embedding, self.item_embedding):
            nn.init.xavier_uniform_(table.weight.data[1:])
        self.likeness = Likeness(dim, dropout)

    def make_graph(self, train: TrainingData) -> Views:
        return Views(interactions(train), befriended(train))

    def propagate(self, graph: Views) -> tuple[Tensor, Tensor]:
        nodes = torch.cat([self.user_embedding.weight, self.item_embedding.weight])
        sums = summed(graph.met, nodes, self.num_layers)
        users, items = torch.split(sums, [len(self.user_embedding.weight), self.num_items + 1])
        return users, items

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        graph, (users, items) = self.prepared_graph(), self.propagated()
        social = summed(graph.friends, self.user_embedding.weight, self.num_social_layers)
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())) if self.training else 0)
        return {
            "ranking": self.loss_over(batch, users, items),
            "social": self.social_weight * self._social(graph, social, len(batch.users), generator),
            "alignment": self.alignment_weight * self._alignment(users, social, generator),
        }

    def _social(self, graph: Views, social: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Over `count` friends in training, else over all, so that a loss can be compared; a mean."""
        num_edges = graph.pairs.num_edges
        if not num_edges:
            return social.new_zeros(())
        chosen = torch.randint(num_edges, (count,), generator=generator) if self.training else torch.arange(num_edges)
        numbers = torch.rand(len(chosen), 1, dtype=torch.float64, generator=generator)
        chosen, numbers = chosen.to(social.device), numbers.to(social.device)
        users, friends = (ends.index_select(0, chosen).long() for ends in (graph.pairs.heads, graph.pairs.tails))
        strangers = graph.strangers.items_of(users, numbers)[:, 0]
        near, far = ((F.embedding(users, social) * F.embedding(other, social)).sum(1) for other in (friends, strangers))
        return F.softplus(far - near).mean()

    def _alignment(self, users: Tensor, social: Tensor, generator: torch.Generator) -> Tensor:
        """Over pairs of users that are drawn; a mean."""
        pairs = torch.randint(1, len(users), (2, self.num_pairs), generator=generator).to(users.device)
        likeness = self.likeness(*(F.embedding(ends, users) for ends in pairs))
        one, other = (F.embedding(ends, social) for ends in pairs)
        return F.relu(1.0 - likeness * (one * other).sum(1)).mean()


def summed(edges: Edges, x: Tensor, num_layers: int) -> Tensor:
    """(M, D) -> (M, D): x and its 1- to num_layers-step propagations, added up."""
    layer = x
    for _ in range(num_layers):
        layer = edges(layer)
        x = x + layer
    return x
