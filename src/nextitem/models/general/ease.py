"""EASE: a linear item-item model with zero diagonal, in closed form.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv:1905.03375.
Code followed: the paper's own listing (algorithm 1).
Departures: none in what is computed. The inverse goes through a Cholesky factor in float64, as the matrix is symmetric
and positive definite; the weights are kept in float32.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.memory import refuse_too_much
from nextitem.models.base import Fitted
from nextitem.models.counting import interaction_matrix, sum_of_met

WAY_OUT = "take SANSA, which has the same inverse by sparse factors"
KEPT, HELD = 4, 20  # bytes of a pair of items: of the weights alone, and beside two float64 matrices while it is fitted


class EASE(Fitted):
    """EASE: a linear model from items to items, in closed form.

    score(j) = sum of weights[i, j] over the items i of the history; repeats count once.

    The weights B minimise |X - X B|^2 + l2 |B|^2 with diag(B) = 0 for the binary user-item matrix X. With
    P = (X'X + l2 I)^-1 they are B[i, j] = -P[i, j] / P[j, j].

    Fitting holds two float64 matrices of num_items^2 beside the weights: 8 GB at 20,000 items. Where that is more than
    this process may use, it is refused, and SANSA named.
    """

    weights: Tensor  # (V, V) float32; the padding's row and column and the diagonal are 0

    def __init__(self, num_items: int, l2: float = 500.0) -> None:
        """`l2`: the paper's for ML-20M (it has 200 for MSD and 1,000 for Netflix); smaller data wants less."""
        super().__init__(num_items)
        if l2 <= 0:
            raise InputError(
                f"l2 must be above 0, or the matrix of items that are always together has no inverse: {l2}"
            )
        self.l2 = l2
        self._refuse_too_many(KEPT)
        self.register_buffer("weights", torch.zeros(num_items + 1, num_items + 1))

    def _refuse_too_many(self, num_bytes: int) -> None:
        what = f"all pairs of {self.num_items:,} items"
        refuse_too_much(type(self).__name__, num_bytes * (self.num_items + 1) ** 2, what, WAY_OUT)

    def fit(self, train: TrainingData) -> None:
        self._refuse_too_many(HELD)
        seen = interaction_matrix(train.rows, self.num_items)[:, 1:].astype(np.float64)
        gram = torch.from_numpy((seen.T @ seen).toarray())  # (num_items, num_items)
        self.weights[1:, 1:] = self.solve(gram).to(self.weights)

    def penalties(self, counts: Tensor) -> Tensor:
        """What is added to the diagonal of X'X, by how many users met each item: (num_items,) -> (num_items,)."""
        return torch.full_like(counts, self.l2)

    def solve(self, gram: Tensor) -> Tensor:
        """The weights (num_items, num_items) of X'X, in whose memory they are made."""
        inverse = self.inverse(gram)
        weights = inverse.div_(-inverse.diagonal().clone())  # column j by P[j, j]
        weights.fill_diagonal_(0.0)
        return weights

    def inverse(self, gram: Tensor) -> Tensor:
        """P, the inverse of X'X with the penalties on its diagonal, in whose memory it is made."""
        gram.diagonal().add_(self.penalties(gram.diagonal().clone()))
        return torch.cholesky_inverse(torch.linalg.cholesky(gram, out=gram), out=gram)

    def score(self, batch: Batch) -> Tensor:
        return sum_of_met(batch.inputs, self.weights)
