"""Item problems: to predict an item from those it was met with most often, the part of X'X that these have.

X (R, V) is the binary matrix of users and items, so that X'X counts common users. With all other items a problem is the
whole regression of an item on the others; with fewer it is small, and memory stays that of the pairs that were met.

Sizes: V = num_items + 1, M pairs of items with common users, B problems at once, N other items of a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array, vstack
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.models.counting import entries_of
from nextitem.models.item_weights import from_common_users, largest
from nextitem.nn.kernels.checking import Family
from nextitem.nn.kernels.restricting import restrict

CELLS = 2**24  # of the matrices of some problems: 64 MB
WAY_OUT = (
    "leave rare items or users of very many items out, or take a model that keeps a few neighbours, such as RP3beta"
)


@dataclass(frozen=True)
class Problems:
    """Items to be predicted, each from others."""

    items: Tensor  # (B,) int64
    others: Tensor  # (B, N) int64, PAD where there are fewer
    gram: Tensor  # (B, N, N) float32: common users of the others; 0 at the padding
    common: Tensor  # (B, N) float32: common users of the item and the others


Solve = Callable[[Problems], Tensor]  # -> (B, N): what each of the others adds to the item's score


def solved(
    by_user: csr_array, num_others: int, above: float, name: str, solve: Solve, *, are_lower: bool = False
) -> csr_array:
    """(V, V): at [i, j] what `solve` says that i adds to j, where i is among the others of j.

    The others of an item are the `num_others` that share most users with it, of equal ones the lower numbers, and of
    these all that share more than `above`; below 0, those that share none too. With `are_lower` they are taken from the
    items of lower numbers. All pairs with common users are held, 8 bytes each.

    Raises:
        InputError: there may be more pairs than item_weights.MOST_ENTRIES.
    """
    rows, columns = [torch.zeros(0, dtype=torch.int64)], [torch.zeros(0, dtype=torch.int64)]
    weights = [torch.zeros(0)]
    for problems in _problems(by_user, num_others, above, name, are_lower):
        found = solve(problems)
        which, places = ((problems.others != PAD) & (found != 0)).nonzero(as_tuple=True)
        rows.append(problems.others[which, places])
        columns.append(problems.items[which])
        weights.append(found[which, places].float())
    size = by_user.shape[1]
    cells = torch.cat(rows).numpy(), torch.cat(columns).numpy()
    return csr_array((torch.cat(weights).numpy(), cells), shape=(size, size))


def _problems(by_user: csr_array, num_others: int, above: float, name: str, are_lower: bool) -> Iterator[Problems]:
    nearest = []

    def note(common: csr_array, block: np.ndarray) -> csr_array:
        nearest.append(largest(_beside(common, block, above, are_lower), num_others))
        return common

    gram = from_common_users(by_user, note, None, name, WAY_OUT)
    gram.sort_indices()
    gram_starts = torch.from_numpy(gram.indptr.astype(np.int64))
    gram_columns, gram_values = torch.from_numpy(gram.indices), torch.from_numpy(gram.data)
    chosen = vstack(nearest).tocsr()
    starts = torch.from_numpy(chosen.indptr.astype(np.int64))
    columns, values = torch.from_numpy(chosen.indices.astype(np.int64)), torch.from_numpy(chosen.data - 0.5)
    sizes = starts.diff()
    order = sizes.argsort(descending=True, stable=True)[: int((sizes > 0).sum())]  # those of a size together
    while len(order):
        width = int(sizes[order[0]])
        items, order = order.tensor_split([max(1, CELLS // width**2)])
        which, entries = entries_of(starts, items)
        places = entries - starts[items][which]
        others, common = torch.full((len(items), width), PAD), torch.zeros(len(items), width)
        others[which, places], common[which, places] = columns[entries], values[entries]
        form = restrict if RESTRICTED.runs(gram_values) else restrict_plain
        yield Problems(items, others, form(gram_starts, gram_columns, gram_values, others), common)


def _beside(common: csr_array, block: np.ndarray, above: float, are_lower: bool) -> csr_array:
    """Of the items of a block the others with more than `above` common users, and a half more than they have: an entry
    of a sparse table is never 0.
    """
    if above < 0:
        dense = common.toarray() + np.float32(0.5)
        dense[:, PAD] = 0.0
        dense[np.arange(len(block)), block] = 0.0
        if are_lower:
            dense[np.arange(dense.shape[1]) > block[:, None]] = 0.0
        dense[block == PAD] = 0.0
        return csr_array(dense)
    rows, columns = common.tocoo().coords
    is_other = columns < block[rows] if are_lower else columns != block[rows]
    beside = np.where(is_other & (common.data > above), common.data + np.float32(0.5), np.float32(0.0))
    return csr_array((beside, common.indices, common.indptr), common.shape)


def restrict_plain(starts: Tensor, columns: Tensor, values: Tensor, others: Tensor) -> Tensor:
    """(B, N, N): the entries of a table (V, V) at [others[b, n], others[b, m]], 0 where it has none or one is PAD.

    Row r of the table is at starts[r] .. starts[r + 1], its columns in ascending order.
    """
    size = len(starts) - 1
    keys = torch.arange(size).repeat_interleave(starts.diff()) * size + columns
    wanted = (others[:, :, None] * size + others[:, None, :]).contiguous()
    places = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    is_there = (keys[places] == wanted) & (others != PAD)[:, :, None] & (others != PAD)[:, None, :]
    return torch.where(is_there, values[places], 0.0)


def _examples() -> list[Any]:
    """A table with gaps and an empty row, and others of which some are padding: few, and as many as there are."""
    dense = (torch.arange(144).view(12, 12) ** 2 % 7).float()
    dense[0], dense[5] = 0.0, 0.0
    table = csr_array(dense.numpy())
    parts = tuple(torch.from_numpy(one) for one in (table.indptr.astype(np.int64), table.indices, table.data))
    few = torch.tensor([[3, 11, 5], [2, 7, 0], [9, 4, 8], [1, 0, 0]])
    return [(*parts, few), (*parts, torch.tensor([[3, 11, 5, 1, 7, 2], [2, 7, 0, 0, 0, 0], [9, 4, 8, 10, 1, 0]]))]


RESTRICTED = Family("matrices of a few items", restrict, restrict_plain, _examples)
