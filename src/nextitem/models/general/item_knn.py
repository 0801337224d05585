"""ItemKNN: items that the same users met are similar; recommended is what is similar to the history.

Deshpande & Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS 2004; as a baseline to be reckoned with: Ferrari
Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019, arXiv:1907.06902.
Code followed: RecBole's ItemKNN, which follows Dacrema's: cosine with shrinkage, and the neighbours that are kept are
those of the item to be scored (Deshpande & Karypis keep those of the items of the history).
Departures: no 1e-6 in the denominator, as only items that share a user are compared; repeats in a row count once; of
equally similar neighbours the lower item number is kept, so that every machine keeps the same.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from torch import Tensor

from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.counting import interaction_matrix
from nextitem.models.item_weights import ItemWeights, from_common_users, largest


class ItemKNN(ItemWeights):
    """ItemKNN: items that the same users met are near, and the neighbours of a history are recommended.

    score(j) = sum of similarity(i, j) over the items i of the history that are among the nearest neighbours of j.

    similarity(i, j) = users of both / (sqrt(users of i * users of j) + shrink).
    """

    def __init__(self, num_items: int, num_neighbours: int = 100, shrink: float = 0.0) -> None:
        """Defaults: RecBole's."""
        super().__init__(num_items)
        if num_neighbours < 1 or shrink < 0:
            raise InputError(
                f"num_neighbours must be at least 1 and shrink at least 0, found {num_neighbours} and {shrink}"
            )
        self.num_neighbours, self.shrink = num_neighbours, shrink

    def fit(self, train: TrainingData) -> None:
        by_user = interaction_matrix(train.rows, self.num_items)  # (R, V)
        norms = np.sqrt(by_user.sum(0))  # (V,)

        def nearest(common: csr_array, block: np.ndarray) -> csr_array:
            rows, columns = common.tocoo().coords
            similarities = common.data / (norms[block][rows] * norms[columns] + self.shrink)
            similarities[columns == block[rows]] = 0.0  # nobody is their own neighbour
            return largest(csr_array((similarities, common.indices, common.indptr), common.shape), self.num_neighbours)

        # A row of it is what is near the item to be scored; what an item of the history adds is a column.
        self.keep(from_common_users(by_user, nearest, self.num_neighbours, "ItemKNN").T.tocsr())

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        # In runs of older versions the table has a name of its own.
        super().load_weights({"weights" if name == "similarities" else name: one for name, one in weights.items()})
