"""EDLAE: EASE that learns from histories in which items are dropped at random, in closed form.

Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020.

    L = l2 I + p / (1 - p) diag(X'X)       P = (X'X + L)^-1
    zero diagonal (EDLAE):  B[i, j] = -P[i, j] / P[j, j]         free diagonal (DLAE):  B = P X'X

Training on dropped items has the limit of a penalty on each item by how often it was met.
Departures: the paper's models of full rank, not those of low rank.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.errors import InputError
from nextitem.models.general.ease import EASE


class EDLAE(EASE):
    """EDLAE: a linear model from items to items that is made robust by dropout, in closed form.

    score(j) = sum of weights[i, j] over the items i of the history; repeats count once. The weights are those of EASE,
    with dropout / (1 - dropout) times the number of an item's users added to its `l2`: it holds popular items down.

    Fitting holds two float64 matrices of num_items^2 beside the weights: 8 GB at 20,000 items. Where that is more than
    this process may use, it is refused, and SANSA named, which has `dropout` too.

    Arguments:
        l2: the penalty that all items have.
        dropout: the share of a history that is dropped in training; 0 is EASE.
        zero_diagonal: whether no item may predict itself (EDLAE); without, it is the paper's DLAE.
    """

    def __init__(self, num_items: int, l2: float = 300.0, dropout: float = 0.33, zero_diagonal: bool = True) -> None:
        """Defaults: the paper's for ML-20M (Netflix: .33 and 500; MSD: .25 and 70)."""
        super().__init__(num_items, l2)
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be at least 0 and below 1, found {dropout}")
        self.dropout, self.zero_diagonal = dropout, zero_diagonal

    def penalties(self, counts: Tensor) -> Tensor:
        return penalties_of(counts, self.l2, self.dropout)

    def solve(self, gram: Tensor) -> Tensor:
        if self.zero_diagonal:
            return super().solve(gram)
        penalties = self.penalties(gram.diagonal().clone())
        # P X'X = I - P L: no second product of two matrices.
        weights = self.inverse(gram).mul_(-penalties)
        weights.diagonal().add_(1.0)
        return weights


def penalties_of(counts: Tensor, l2: float, dropout: float) -> Tensor:
    """The diagonal of L, of any shape, by how many users met each item."""
    return l2 + dropout / (1 - dropout) * counts
