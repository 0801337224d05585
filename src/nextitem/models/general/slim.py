"""SLIM: a sparse linear model from items to items, without negative weights.

Ning & Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011, doi:10.1109/ICDM.2011.134.

    W >= 0 with diag(W) = 0 minimises 1/2 |X - X W|^2 + l2 / 2 |W|^2 + l1 |W|_1; of column j, by coordinate descent:
    w_i <- max(0, G_ij - sum over k other than i and j of G_ik w_k - l1) / (G_ii + l2), G = X'X

Departures: an item that shares no more than l1 users with j is left out at once; its weight could never leave 0, since
no other weight is negative and so none raises what is left for it. Of the others the `num_candidates` that share most
users with j are looked at. ElasticNet of scikit-learn divides the fit by the U users: l1 = U alpha l1_ratio, and
l2 = U alpha (1 - l1_ratio).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.counting import interaction_matrix
from nextitem.models.item_problems import Problems, solved
from nextitem.models.item_weights import ItemWeights
from nextitem.nn.kernels.checking import Family
from nextitem.nn.kernels.restricting import descend


class SLIM(ItemWeights):
    """SLIM: a sparse linear model from items to items whose weights are not negative.

    score(j) = sum of W[i, j] over the items i of the history. Fitting holds all pairs of items with common users, 8
    bytes each (340 MB for Gowalla's 41,000 items).

    Arguments:
        l1: the penalty that makes weights 0, in users: items with no more common users never have one.
        l2: the penalty that keeps weights small.
        num_candidates: how many items at the most an item is predicted from, those with most common users.
        num_sweeps: how often all weights of an item are gone through at the most.
        tolerance: a sweep that changes no weight by as much is the last.
    """

    def __init__(
        self,
        num_items: int,
        l1: float = 0.00015,
        l2: float = 149.0,
        num_candidates: int = 2000,
        num_sweeps: int = 100,
        tolerance: float = 1e-4,
    ) -> None:
        """`l1` and `l2`: BARS's for Gowalla (alpha .005, l1_ratio 1e-6), in truth a ridge without negative weights."""
        super().__init__(num_items)
        if l1 < 0 or l2 < 0 or tolerance < 0:
            raise InputError(f"l1, l2 and tolerance must be at least 0, found {l1}, {l2} and {tolerance}")
        if num_candidates < 1 or num_sweeps < 1:
            raise InputError(
                f"num_candidates and num_sweeps must be at least 1, found {num_candidates} and {num_sweeps}"
            )
        self.l1, self.l2, self.num_candidates = l1, l2, num_candidates
        self.num_sweeps, self.tolerance = num_sweeps, tolerance

    def fit(self, train: TrainingData) -> None:
        met = interaction_matrix(train.rows, self.num_items)

        def solve(problems: Problems) -> Tensor:
            form = descend if DESCENT.runs(problems.gram, problems.common) else descend_plain
            return form(problems.gram, problems.common, self.l1, self.l2, self.num_sweeps, self.tolerance)

        self.keep(solved(met, self.num_candidates, self.l1, "SLIM", solve))


def descend_plain(gram: Tensor, common: Tensor, l1: float, l2: float, num_sweeps: int, tolerance: float) -> Tensor:
    """(B, N) float64: the weights of B problems with `gram` (B, N, N) and `common` (B, N), weight after weight."""
    gram, common = gram.double(), common.double()
    weights = torch.zeros_like(common)
    is_open = torch.ones(len(common), dtype=torch.bool)
    for _ in range(num_sweeps):
        before = weights.clone()
        for at in range(common.shape[1]):
            own = gram[:, at, at]
            rest = common[:, at] - (gram[:, at] * weights).sum(1) + own * weights[:, at]
            best = torch.where(own > 0, (rest - l1).clamp(min=0) / (own + l2), 0.0)
            weights[:, at] = torch.where(is_open, best, weights[:, at])
        is_open &= ((weights - before).abs() >= tolerance).any(1)
    return weights


def _examples() -> list[Any]:
    """Problems of common users, with padding; sweeps that end early and that do not."""
    met = (torch.arange(30)[:, None] * torch.tensor([1, 3, 5, 7, 11, 13]) % 17 < 7).float().repeat(3, 1, 1)
    met[1, 20:] = 0.0
    met[2, :, 4:] = 0.0
    gram, common = met.mT @ met, met.mT @ met.roll(1, 2)[..., :1]
    return [(gram, common[..., 0].contiguous(), *rest) for rest in ((0.5, 2.0, 3, 0.0), (0.0, 9.0, 50, 1e-6))]


DESCENT = Family("coordinate descent", descend, descend_plain, _examples)
