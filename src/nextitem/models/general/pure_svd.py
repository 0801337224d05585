"""PureSVD: a history is projected onto the largest singular vectors of the users' items.

Cremonesi, Koren & Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks", RecSys 2010,
doi:10.1145/1864708.1864721.

    X = U S V', X (R, V) of users and items         score = r V V', r the history

Departures: the matrix is binary, where the paper has ratings and zeros; repeats count once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Fitted
from nextitem.models.counting import interaction_matrix, sum_of_met
from nextitem.models.low_rank import largest_singular
from nextitem.models.towers import ItemTower


class PureSVD(ItemTower, Fitted):
    """PureSVD: what is near a history along the directions in which users differ most, by one decomposition.

    The vectors of the items are the `dim` largest right singular vectors of the binary matrix of users and items; a
    history is the sum of the vectors of its items, and a score is the inner product.

    Arguments:
        dim: how many singular vectors; 50 to 300, fewer for sparser data.
    """

    item_factors: Tensor  # (V, D) float32; row 0 is zero

    def __init__(self, num_items: int, dim: int = 50) -> None:
        """`dim`: the smaller of the paper's two, 50 and 150."""
        super().__init__(num_items)
        if dim < 1:
            raise InputError(f"dim must be at least 1, found {dim}")
        self.dim = dim
        self.register_buffer("item_factors", torch.zeros(num_items + 1, dim))

    def fit(self, train: TrainingData) -> None:
        _, vectors = largest_singular(interaction_matrix(train.rows, self.num_items), self.dim)
        self.item_factors = torch.from_numpy(vectors).to(self.item_factors)

    def item_vectors(self) -> Tensor:
        return self.item_factors

    def query(self, batch: Batch) -> Tensor:
        return sum_of_met(batch.inputs, self.item_factors)
