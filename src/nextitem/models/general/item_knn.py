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
import torch
from scipy.sparse import csr_array, vstack
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Fitted
from nextitem.models.checks import check_table
from nextitem.models.counting import entries_of, interaction_matrix, multi_hot

ENTRIES = 2**22  # similarities in work at once: about 100 MB


class ItemKNN(Fitted):
    """ItemKNN: items that the same users met are near, and the neighbours of a history are recommended.

    score(j) = sum of similarity(i, j) over the items i of the history that are among the nearest neighbours of j.

    similarity(i, j) = users of both / (sqrt(users of i * users of j) + shrink).
    """

    starts: Tensor  # (V + 1,) int64: the items that have i among their neighbours are at starts[i] .. starts[i + 1]
    items: Tensor  # (M,) int64
    similarities: Tensor  # (M,) float32

    def __init__(self, num_items: int, num_neighbours: int = 100, shrink: float = 0.0) -> None:
        """Defaults: RecBole's."""
        super().__init__(num_items)
        if num_neighbours < 1 or shrink < 0:
            raise InputError(
                f"num_neighbours must be at least 1 and shrink at least 0, found {num_neighbours} and {shrink}"
            )
        self.num_neighbours, self.shrink = num_neighbours, shrink
        self.register_buffer("starts", torch.zeros(num_items + 2, dtype=torch.int64))
        self.register_buffer("items", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("similarities", torch.zeros(0))

    def fit(self, train: TrainingData) -> None:
        by_user = interaction_matrix(train.rows, self.num_items)  # (R, V)
        by_item = by_user.T.tocsr()  # (V, R)
        norms = np.sqrt(by_item.sum(1))  # (V,)
        most = np.minimum(by_item @ by_user.sum(1), self.num_items)  # (V,) co-occurring items of each, at the most
        edges = np.flatnonzero(np.diff(most.cumsum() // ENTRIES)) + 1
        blocks = [
            self._nearest(by_item[block] @ by_user, block, norms)
            for block in np.split(np.arange(self.num_items + 1), edges)
        ]
        table = vstack(blocks).T.tocsr()  # row i: the items j whose neighbour i is
        self.starts = torch.from_numpy(table.indptr.astype(np.int64))
        self.items = torch.from_numpy(table.indices.astype(np.int64))
        self.similarities = torch.from_numpy(table.data.astype(np.float32))

    def _nearest(self, common: csr_array, block: np.ndarray, norms: np.ndarray) -> csr_array:
        """Common users of each item of the block with every item -> the similarities of its nearest neighbours."""
        rows, columns = common.tocoo().coords
        similarities = common.data / (norms[block][rows] * norms[columns] + self.shrink)
        similarities[columns == block[rows]] = 0.0  # nobody is their own neighbour
        order = np.lexsort((columns, -similarities, rows))
        ranks = np.arange(len(order)) - common.indptr[rows]  # rows[order] is rows: they were in order already
        nearest = order[(ranks < self.num_neighbours) & (similarities[order] > 0)]
        return csr_array((similarities[nearest], (rows[nearest], columns[nearest])), shape=common.shape)

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        super().load_weights(weights)
        check_table(self.starts, self.items, self.similarities, self.num_items)

    def score(self, batch: Batch) -> Tensor:
        history = multi_hot(batch.inputs, self.num_items)
        scores = torch.zeros_like(history)
        rows, items = history.nonzero(as_tuple=True)
        sizes = self.starts[items + 1] - self.starts[items]
        edges = ((sizes.cumsum(0) // ENTRIES).diff().nonzero()[:, 0] + 1).tolist()
        for some_rows, some_items in zip(rows.tensor_split(edges), items.tensor_split(edges), strict=True):
            which, places = entries_of(self.starts, some_items)
            # Into one dimension, where torch adds in order: index_put_ shares the entries among threads, and the sums
            # of a row that two of them have depend on who is first.
            cells = some_rows[which] * scores.shape[1] + self.items[places]
            scores.view(-1).index_add_(0, cells, self.similarities[places])
        return scores
