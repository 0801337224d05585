"""Counting: what models that count make of training rows and histories.

Sizes: R rows, B batch, T length, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import coo_array, csr_array
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.nn.bags import embedding_bag


def count_items(train: Sequences, num_items: int) -> np.ndarray:
    """(V,) int64: how often each item occurs."""
    return np.bincount(train.flat_items(), minlength=num_items + 1)


def interaction_matrix(train: Sequences, num_items: int, binary: bool = True) -> csr_array:
    """(R, V) float32: 1 where the row holds the item; with binary=False how often."""
    values = np.ones(train.num_interactions, dtype=np.float32)
    table = coo_array((values, (train.flat_rows(), train.flat_items())), shape=(len(train), num_items + 1)).tocsr()
    if binary:
        table.data[:] = 1.0
    return table


def multi_hot(inputs: Tensor, num_items: int) -> Tensor:
    """(B, T) items -> (B, V) float: 1 at the items of the row, 0 at the padding.

    >>> multi_hot(torch.tensor([[2, 1], [2, 0]]), 3).tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    table = torch.zeros(len(inputs), num_items + 1, device=inputs.device)
    table.scatter_(1, inputs, 1.0)
    table[:, PAD] = 0.0
    return table


def sum_of_met(inputs: Tensor, table: Tensor) -> Tensor:
    """(B, T) items and a row an item (V, D) -> the sum of the rows of what was met, each item once (B, D).

    It is `multi_hot(inputs) @ table`, and reads T rows of the table, not all V.

    >>> sum_of_met(torch.tensor([[2, 1, 2], [2, 0, 0]]), torch.tensor([[9.0], [1.0], [3.0]])).tolist()
    [[4.0], [3.0]]
    """
    if not inputs.shape[1]:
        return table.new_zeros(len(inputs), table.shape[1])
    items = inputs.sort(1).values
    is_first = F.pad(items[:, 1:] != items[:, :-1], (1, 0), value=True) & (items != PAD)
    return embedding_bag(items, table, weights=is_first.to(table.dtype))


def entries_of(starts: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Entries of some rows of a compressed table, row r of which stands at starts[r] .. starts[r + 1].

    For every entry: which of the `rows` it belongs to, and its place in the table.

    >>> entries_of(torch.tensor([0, 2, 2, 3]), torch.tensor([2, 1, 0]))
    (tensor([0, 2, 2]), tensor([2, 0, 1]))
    """
    sizes = starts[rows + 1] - starts[rows]
    which = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), sizes)
    within = torch.arange(len(which), device=rows.device) - (sizes.cumsum(0) - sizes)[which]
    return which, starts[rows][which] + within
