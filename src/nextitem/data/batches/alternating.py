"""AlternatingBatches: blocks of users with their items, then blocks of items with their users.

For models that solve one side while the other stands still. Rows of similar length share a block, so there is little
padding, and every row is in exactly one block of its side.

Sizes: B rows of a block, T longest row of the block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences


@dataclass(frozen=True)
class Block:
    """Rows of one side, users or items, with what they met on the other: each of the others once, with its weight."""

    rows: np.ndarray  # (B,) int64, from 1
    others: np.ndarray  # (B, T) int64, from 1; PAD after the last
    weights: np.ndarray  # (B, T) float32, the sum over their interactions, each 1 if none is set; 0 at the padding


class AlternatingBatches:
    """The training rows from both sides. A row that met nothing is in no block.

    A block holds at most `num_cells` cells (or one row, if that is longer); a row counts for `min_width` cells at
    least, for who needs memory a row whatever its length. No row is shorter than half of the longest in its block.
    """

    def __init__(self, train: Sequences, num_items: int, num_cells: int, min_width: int = 1) -> None:
        pairs, which = np.unique(train.flat_rows() * (num_items + 1) + train.flat_items(), return_inverse=True)
        weights = np.bincount(which, train.flat_weights(), len(pairs)).astype(np.float32)
        users, items = pairs // (num_items + 1) + 1, pairs % (num_items + 1)
        by_item = np.argsort(items, kind="stable")
        self._users = _rows_of(users, items, len(train)), weights
        self._items = _rows_of(items[by_item], users[by_item], num_items), weights[by_item]
        self.num_cells, self.min_width = num_cells, min_width

    def users(self) -> Iterator[Block]:
        return self._blocks(*self._users)

    def items(self) -> Iterator[Block]:
        return self._blocks(*self._items)

    def _blocks(self, others: Sequences, weights: np.ndarray) -> Iterator[Block]:
        order = np.argsort(-others.lengths, kind="stable")
        lengths = others.lengths[order]  # descending
        start, stop = 0, 0
        while stop < np.count_nonzero(lengths):
            longest = int(lengths[start])
            room = max(1, self.num_cells // max(longest, self.min_width))
            stop = min(start + room, int(np.searchsorted(-lengths, -(longest // 2))))
            block = others.take(order[start:stop])
            items = block.padded()
            cells = np.zeros(items.shape, dtype=np.float32)
            cells[items != PAD] = weights[block.flat_positions()]
            yield Block(order[start:stop] + 1, items, cells)
            start = stop


def _rows_of(owners: np.ndarray, others: np.ndarray, num_rows: int) -> Sequences:
    """Row r holds the `others` of owner r + 1; `owners` ascend."""
    return Sequences.from_offsets(others, np.searchsorted(owners, np.arange(1, num_rows + 2)))
