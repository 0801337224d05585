"""DiffNet: a user's taste is that of the user, of friends, of their friends, and the mean of the items met.

Wu et al., "A Neural Influence Diffusion Model for Social Recommendation", SIGIR 2019, arXiv:1904.10322.
Code followed: RecBole-GNN's (no matrix and no activation between layers, all layers added); with `include_self` False
the authors' released one (PeiJieSun/diffnet), whose sum leaves out the user's own vector.
Departures:
- the paper's reviews are left out, which were never published;
- a loss from outside (`bpr` by RecBole-GNN's recipe) instead of the authors' squared error, and their penalty is the
  optimizer's weight decay;
- the network is taken without direction, repeats and trust in oneself; a user without friends has no more than their
  own part.

Sizes: U = num_users + 1, V = num_items + 1, D dim.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.initialise import initialise_xavier
from nextitem.models.social.edges import befriended
from nextitem.nn.graphs.weighing import by_row


class DiffNet(GraphModel[nn.ModuleList]):
    """DiffNet: the taste of a user is that of their friends and of theirs, beside what they met.

    score(u, i) = (sum over l of S^l p_u + the mean of q_j over the items j met) . q_i, S the mean over friends.

    Arguments:
        num_layers: how many steps influence goes (the paper's 2; RecBole-GNN's best on LastFM is 1).
        include_self: whether the sum begins with the user's own vector, l = 0, or with friends, l = 1.
    """

    needs = ("trust",)
    answers_by_network = True

    def __init__(
        self, num_users: int, num_items: int, dim: int = 64, num_layers: int = 2, include_self: bool = True
    ) -> None:
        super().__init__(num_users, num_items, dim)
        if num_layers < 0:
            raise InputError(f"num_layers must be 0 or more, found {num_layers}")
        self.num_layers, self.include_self = num_layers, include_self
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        initialise_xavier(self)

    def make_graph(self, train: TrainingData) -> nn.ModuleList:
        """The network, and who met what."""
        return nn.ModuleList([by_row(befriended(train)), by_row(interactions(train))])

    def propagate(self, graph: nn.ModuleList) -> tuple[Tensor, Tensor]:
        friends, met = graph
        items, layer = self.item_embedding.weight, self.user_embedding.weight
        users = met(items) + (layer if self.include_self else 0.0)
        for _ in range(self.num_layers):
            layer = friends(layer)
            users = users + layer
        return users, items
