"""A sparse table from items to items: what a model holds that scores by the sum of the rows of a history.

Sizes: B batch, T length, V = num_items + 1 (item 0 is the padding), M entries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import csr_array, vstack
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Fitted
from nextitem.models.checks import check_table
from nextitem.models.counting import entries_of, multi_hot

ENTRIES = 2**22  # in work at once: about 100 MB
MOST_ENTRIES = 2**29  # of a table: 6.4 GB while it is made


class ItemWeights(Fitted):
    """score(j) = the sum of weights[i, j] over the items i of the history; repeats count once."""

    starts: Tensor  # (V + 1,) int64: the entries of row i are at starts[i] .. starts[i + 1]
    items: Tensor  # (M,) int64, the columns
    weights: Tensor  # (M,) float32

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.register_buffer("starts", torch.zeros(num_items + 2, dtype=torch.int64))
        self.register_buffer("items", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("weights", torch.zeros(0))

    def keep(self, table: csr_array) -> None:
        """Hold this (V, V) table."""
        self.starts = torch.from_numpy(table.indptr.astype(np.int64))
        self.items = torch.from_numpy(table.indices.astype(np.int64))
        self.weights = torch.from_numpy(table.data.astype(np.float32))

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        super().load_weights(weights)
        check_table(self.starts, self.items, self.weights, self.num_items)

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
            scores.view(-1).index_add_(0, cells, self.weights[places])
        return scores


Weigh = Callable[[csr_array, np.ndarray], csr_array]  # common users of the items of a block (n, V), and which they are


def from_common_users(
    by_user: csr_array,
    weigh: Weigh,
    most_a_row: int | None,
    name: str,
    way_out: str = "keep fewer a row with --model.num_neighbours",
) -> csr_array:
    """(V, V) whose rows are made of those of X'X, X (R, V), a block at a time: in work are ENTRIES at once, and what
    stays is what `weigh` returns, `most_a_row` entries at the most.

    Raises:
        InputError: more would stay than MOST_ENTRIES.
    """
    by_item = by_user.T.tocsr()  # (V, R)
    num_columns = by_user.shape[1]
    is_entry = csr_array((np.ones(by_item.nnz), by_item.indices, by_item.indptr), by_item.shape)
    most = np.minimum(is_entry @ np.diff(by_user.indptr), num_columns)  # (V,) co-occurring items of each, at the most
    stay = int((most if most_a_row is None else np.minimum(most, most_a_row)).sum())
    if stay > MOST_ENTRIES:
        raise InputError(
            f"{name} would keep up to {stay:,} pairs of items, {stay * 12 / 1e9:.0f} GB; at most {MOST_ENTRIES:,} are "
            f"allowed; {way_out}"
        )
    edges = np.flatnonzero(np.diff(most.cumsum() // ENTRIES)) + 1
    blocks = np.split(np.arange(num_columns), edges)
    return vstack([weigh(by_item[block] @ by_user, block) for block in blocks]).tocsr()


def largest(table: csr_array, count: int) -> csr_array:
    """The `count` largest positive entries of each row; of equal ones that of the lower column."""
    rows, columns = table.tocoo().coords
    order = np.lexsort((columns, -table.data, rows))
    places = np.arange(len(order)) - table.indptr[rows]  # rows[order] is rows: they were in order already
    kept = order[(places < count) & (table.data[order] > 0)]
    return csr_array((table.data[kept], (rows[kept], columns[kept])), shape=table.shape)
