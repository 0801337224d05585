"""KGNN-LS: KGCN whose weights of edges should also carry a user's labels to the items that they are hidden of.

Wang et al., "Knowledge-aware Graph Neural Networks with Label Smoothness Regularization for Recommender Systems",
KDD 2019, arXiv:1905.04413. Code followed: the authors' (hwwang55/KGNN-LS), for what is labelled: what a user met, 1,
and as much that they did not meet, 0, drawn once; all else counts 0.5.
Departures:
- as in the paper a label is the sum of the neighbours' by their weights, and its loss is that of a probability; the
  code divides the sum by their number once more and takes the label for a log-odds (`official`);
- the labels to be found are those of a batch's interactions, and beside each one of the user's zeros, where the code
  has both in its file;
- those of KGCN.

Sizes: N rows, P pairs, Q edges of a level of their trees, H interactions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.knowledge.kgcn import KGCN
from nextitem.models.negatives import history_of, unseen_sampler
from nextitem.models.towers import TowerFree
from nextitem.nn.graphs.trees import Tree
from nextitem.nn.losses.reduction import mean_over_targets
from nextitem.nn.samplers.history import History, count_at_most

CERTAIN = 1e-6  # of a label's probability, what is left to doubt


class KGNNLS(KGCN):
    """KGNN-LS: KGCN, regularised by how well its edges carry a user's labels.

    score(u, i) is KGCN's with the sum as aggregator. The loss has two parts, `ranking` and `labels`: the label of an
    item is hidden, and is to be found by passing on those of its neighbours by what the edges weigh for the user, over
    `num_layers` edges. Needs sampled negatives (`loss.name: bce`).

    Arguments:
        neighbours: how many of each entity's, drawn once; 0: all. A pair takes neighbours^num_layers steps.
        label_weight: what `labels` counts for in the loss (the authors' for music; films 1, books and restaurants 0.5).
        official: sums over neighbours are divided by their number, and a label is a log-odds, as in the authors' code.
    """

    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_users: int,
        num_items: int,
        num_entities: int,
        num_relations: int,
        dim: int = 16,
        num_layers: int = 1,
        neighbours: int = 8,
        label_weight: float = 0.1,
        official: bool = False,
    ) -> None:
        sizes = num_users, num_items, num_entities, num_relations
        super().__init__(*sizes, dim=dim, num_layers=num_layers, neighbours=neighbours, official=official)
        self.label_weight = label_weight
        self.met: History | None = None
        self.unmet: History | None = None  # what has the label 0

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        self.met = history_of(train.rows)
        users, generator = self.met.users_of_entries(), torch.Generator().manual_seed(int(self.drawn_by))
        drawn = unseen_sampler(train.rows, self.num_items).draw(users, 1, generator)[:, 0]
        keys = torch.unique(users * (self.num_items + 1) + drawn)
        counts = torch.bincount(keys // (self.num_items + 1), minlength=len(train.rows) + 1)
        self.unmet = History(keys % (self.num_items + 1), F.pad(counts.cumsum(0), (1, 0)))

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        return {"ranking": TowerFree.loss(self, batch), "labels": self.label_weight * self._label_loss(batch)}

    def carried(self, tree: Tree, shares: list[Tensor], users: Tensor, items: Tensor) -> Tensor:
        """The labels (P,) found for the items (P,) of users (P,), whose own are hidden wherever the trees have them."""
        found, _ = self._labels(tree, len(shares), users, items)
        for level in reversed(range(len(shares))):
            edges = tree.edges[level]
            mixed = edges(found.to(shares[level].dtype)[:, None], shares[level])[:, 0]
            own, is_labelled = self._labels(tree, level, users, items)
            found = torch.where(is_labelled | (edges.offsets.diff() == 0), own.to(mixed.dtype), mixed)
        return found

    def _labels(self, tree: Tree, level: int, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """(Q,) and (Q,) bool: the labels at the places of a level, and whether there is one."""
        met, unmet = self._histories()
        nodes, roots = tree.nodes[level], tree.roots[level]
        is_one, is_zero = (history.holds(users[roots], nodes[:, None])[:, 0] for history in (met, unmet))
        is_hidden = nodes == items[roots]
        is_labelled = (is_one | is_zero) & ~is_hidden
        return torch.where(is_labelled, is_one.float(), 0.5), is_labelled

    def _label_loss(self, batch: Batch) -> Tensor:
        """Of the batch's items, whose label says whether they were met, and of a zero of each user who has any."""
        met, unmet = self._histories()
        users, targets = batch.users, batch.targets[:, 0]
        is_one, has_zero = met.holds(users, targets[:, None])[:, 0], unmet.lengths[users] > 0
        places = count_at_most(met.items, met.offsets, users, targets[:, None])[:, 0] - 1  # among those met
        zeros = unmet.offsets[users] + places % unmet.lengths[users].clamp(min=1)
        zeros = unmet.items[zeros.clamp(max=len(unmet.items) - 1)]
        users, items = users.repeat(2), torch.cat([targets, zeros])
        tree, shares = self.trees(users, items)
        found = self.carried(tree, shares, users, items)
        labels = torch.cat([is_one, torch.zeros_like(is_one)]).to(found.dtype)
        if self.official:
            losses = F.binary_cross_entropy_with_logits(found, labels, reduction="none")
        else:
            losses = F.binary_cross_entropy(found.clamp(CERTAIN, 1 - CERTAIN), labels, reduction="none")
        of_targets, of_zeros = losses.view(2, -1)
        means = torch.where(has_zero, (of_targets + of_zeros) / 2, of_targets)
        return mean_over_targets(means, batch.weight_at((slice(None), 0)))

    def _histories(self) -> tuple[History, History]:
        if self.met is None or self.unmet is None:
            raise InputError("KGNNLS learns from what users met: call prepare(train) before it is trained")
        return self.met, self.unmet
