"""GFCF: a linear filter of the graph of users and items, and beside it an ideal one, which keeps low frequencies alone.

Shen, Wu, Zhang et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021, arXiv:2108.07567.

    N = D_u^-1/2 R D_i^-1/2        score = r N'N + low_pass * r D_i^-1/2 V V' D_i^1/2, V (V, D) of N's singular vectors

r is the history as it is, R the users' items, D_u and D_i their degrees.
Departures: the diagonal of N'N, which only adds to items that were met already, is left out, as in CoOccurrence, whose
table the first part is; the singular vectors are found to full precision.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import diags_array
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.counting import interaction_matrix, sum_of_met
from nextitem.models.general.co_occurrence import CoOccurrence
from nextitem.models.low_rank import largest_singular


class GFCF(CoOccurrence):
    """GF-CF: items that share users with the history, and what is left of the history at low frequencies; no training.

    The linear part keeps every pair of items that some user met, 12 bytes each (510 MB for Gowalla's 41,000 items).

    Arguments:
        dim: how many singular vectors, that is how many of the lowest frequencies pass.
        low_pass: how much they count beside the linear part; 0 leaves them out, and they are not computed.
        num_neighbours: how many of the largest weights of an item of the linear part stay; None: all, as in the paper.
    """

    to_frequencies: Tensor  # (V, D) float32: D_i^-1/2 V
    to_items: Tensor  # (V, D) float32: D_i^1/2 V

    def __init__(
        self, num_items: int, dim: int = 256, low_pass: float = 0.3, num_neighbours: int | None = None
    ) -> None:
        """Defaults: the authors' for Gowalla and Yelp2018; for Amazon-Book their code has `low_pass` 0."""
        super().__init__(num_items, 1.0, 0.5, 0.5, 1.0, num_neighbours)
        if dim < 1 or low_pass < 0:
            raise InputError(f"dim must be at least 1 and low_pass at least 0, found {dim} and {low_pass}")
        self.dim, self.low_pass = dim, low_pass
        self.register_buffer("to_frequencies", torch.zeros(num_items + 1, dim))
        self.register_buffer("to_items", torch.zeros(num_items + 1, dim))

    def fit(self, train: TrainingData) -> None:
        super().fit(train)
        if not self.low_pass:
            return
        met = interaction_matrix(train.rows, self.num_items).astype(np.float64)  # (R, V)
        of_user, of_item = np.maximum(met.sum(1), 1.0), np.maximum(met.sum(0), 1.0)
        normalised = (diags_array(of_user**-0.5) @ met @ diags_array(of_item**-0.5)).tocsr()
        _, vectors = largest_singular(normalised, self.dim)
        self.to_frequencies = torch.from_numpy(vectors * of_item[:, None] ** -0.5).to(self.to_frequencies)
        self.to_items = torch.from_numpy(vectors * of_item[:, None] ** 0.5).to(self.to_items)

    def score(self, batch: Batch) -> Tensor:
        scores = super().score(batch)
        if self.low_pass:
            scores += self.low_pass * sum_of_met(batch.inputs, self.to_frequencies) @ self.to_items.T
        return scores
