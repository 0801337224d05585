"""SEPT: three views of a user, by friends, by friends with common items and by taste, tell each other whom she is like.

Yu et al., "Socially-Aware Self-Supervised Tri-Training for Recommendation", KDD 2021, arXiv:2106.03569.
Code followed: the authors' in QRec.
Departures:
- the loss is divided by the rows of the batch, where the code has sums of rows and of users: their ratio is the same.
  So is that of the penalty, 0.001 of half the squared length of both tables beside such a sum, as the optimizer's
  weight decay of 5e-7 with batches of 2,000;
- `contrast` begins after `warm_up_epochs`, which are a third of the code's 120 for LastFM, not of those of a run; it
  has no moments of its own in the optimizer;
- each edge is dropped by itself, where the code keeps an exact share of them;
- of a network that is not mutual, edges are weighed by the degrees of either end, where the code has those of rows.

Friends act in training alone: a user without items is scored by the own vector, which friends have drawn near.

Sizes: B batch, N different users of it, U = num_users + 1, V = num_items + 1, M = U + V (items behind users), D dim.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from scipy.sparse import eye_array
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.graph import GraphModel, interactions
from nextitem.models.social.edges import trusting, united
from nextitem.models.social.motifs import closed, edges_of, matrix_of
from nextitem.nn.graphs.dropping import dropped
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.weighing import symmetric


class Views(nn.Module):
    """The graphs of the three views, and the one with dropped edges that an epoch makes anew; at first it is whole."""

    def __init__(self, train: TrainingData) -> None:
        super().__init__()
        self.met, self.trust = interactions(train), trusting(train)
        trust, met, oneself = matrix_of(self.trust), matrix_of(self.met), eye_array(len(train.rows) + 1, format="csr")
        self.friends = symmetric(edges_of(closed(trust, trust, trust) + oneself))
        self.sharing = symmetric(edges_of(closed(met, met.T.tocsr(), trust) + oneself))
        self.tastes, self.perturbed = symmetric(united(self.met)), symmetric(united(self.met, self.trust))

    def perturb(self, p: float) -> None:
        """Leave out interactions and trust, each with probability `p`, from the whole of them."""
        met, trust = (dropped(edges, p, is_scaled=False) for edges in (self.met, self.trust))
        self.perturbed = symmetric(united(met, trust))


class SEPT(GraphModel[Views]):
    """SEPT: LightGCN whose users are drawn to those that two of three views agree on.

    score(u, i) = p_u . q_i, both propagated over who met what. The loss has two parts, `ranking` and `contrast`. Each
    view takes as a user's likes, among the users of the batch, those whose vectors in a graph with dropped edges both
    other views find nearest. For N users of a batch it holds about ten tables of N^2 numbers: 0.2 GB at 2,000.

    Arguments:
        num_layers: of each view.
        contrast_weight: what `contrast` counts for in the loss.
        temperature: of the contrast; cosines are divided by it.
        num_labels: likes that two views give the third.
        edge_dropout: the share of interactions and of trust that an epoch's graph leaves out.
        warm_up_epochs: after which `contrast` begins.
    """

    needs = ("trust",)
    compares_rows = True
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 50,
        num_layers: int = 2,
        contrast_weight: float = 0.005,
        temperature: float = 0.1,
        num_labels: int = 10,
        edge_dropout: float = 0.3,
        warm_up_epochs: int = 40,
    ) -> None:
        super().__init__(num_users, num_items, dim)
        if temperature <= 0 or num_labels < 1:
            raise InputError(
                f"temperature must be above 0 and num_labels 1 or more, found {temperature} and {num_labels}"
            )
        self.num_layers, self.contrast_weight, self.temperature = num_layers, contrast_weight, temperature
        self.num_labels, self.edge_dropout, self.warm_up_epochs = num_labels, edge_dropout, warm_up_epochs
        self.is_joint = warm_up_epochs == 0
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        for table in (self.user_embedding, self.item_embedding):
            nn.init.trunc_normal_(table.weight.data[1:], std=0.0025, a=-0.005, b=0.005)

    def make_graph(self, train: TrainingData) -> Views:
        return Views(train)

    def begin_epoch(self, number: int) -> None:
        self.is_joint = number > self.warm_up_epochs
        if self.is_joint:
            self.prepared_graph().perturb(self.edge_dropout)

    def propagate(self, graph: Views) -> tuple[Tensor, Tensor]:
        nodes = self._smoothed(graph.tastes, torch.cat([self.user_embedding.weight, self.item_embedding.weight]))
        users, items = torch.split(nodes, [len(self.user_embedding.weight), self.num_items + 1])
        return users, items

    def _smoothed(self, edges: Edges, x: Tensor) -> Tensor:
        """(M, D) or (U, D): x and the directions of its 1- to num_layers-step propagations, added up."""
        layer = x
        for _ in range(self.num_layers):
            layer = edges(layer)
            x = x + F.normalize(layer, dim=1)
        return x

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        users, items = self.propagated()
        contrast = self._contrast(batch, users) if self.is_joint else users.new_zeros(())
        return {"ranking": self.loss_over(batch, users, items), "contrast": self.contrast_weight * contrast}

    def _contrast(self, batch: Batch, by_taste: Tensor) -> Tensor:
        """Of the users of the batch, each once, over all views; divided by the rows."""
        graph, weight = self.prepared_graph(), batch.weight_at((slice(None), 0))
        nodes = torch.unique(batch.users if weight is None else batch.users[weight > 0])  # (N,)
        users = self.user_embedding.weight
        views = self._smoothed(graph.friends, users), self._smoothed(graph.sharing, users), by_taste
        perturbed = self._smoothed(graph.perturbed, torch.cat([users, self.item_embedding.weight]))
        unit = [F.normalize(view.index_select(0, nodes), dim=1) for view in (*views, perturbed)]
        cosines = [one @ unit[-1].T for one in unit[:-1]]
        losses = tri_training(cosines, self.num_labels, self.temperature)
        return losses.sum() / (len(batch.users) if weight is None else weight.sum())


def tri_training(cosines: Sequence[Tensor], num_labels: int, temperature: float) -> Tensor:
    """Of three views' cosines with the same N vectors, (N, N) each: a loss of each row (N,), summed over the views.

    A row's labels in a view are the `num_labels` columns with the highest mean softmax of the two other views' cosines,
    itself among them if it is one; its loss is -log of the share that its labels have in the softmax over all columns
    of its own cosines, divided by the temperature.

    >>> near = torch.eye(2)
    >>> [round(float(loss), 4) for loss in tri_training([near, near, near], 1, 1.0)]  # 3 log(1 + 1 / e)
    [0.9398, 0.9398]
    """
    with torch.no_grad():
        shares = [one.softmax(1) for one in cosines]
    losses = []
    for place, own in enumerate(cosines):
        labels = (shares[place - 1] + shares[place - 2]).topk(min(num_labels, len(own)), 1).indices
        logits = own / temperature
        losses.append(logits.logsumexp(1) - logits.gather(1, labels).logsumexp(1))
    return torch.stack(losses).sum(0)
