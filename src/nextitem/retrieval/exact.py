"""Exact search: the k best items of every query, in blocks, so that memory grows with neither queries nor items.

Sizes: R queries, B queries of a block, E width of what the scorer maps to, V = num_items + 1, C items of a block.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.evaluation.highest import first_of_highest

ROWS = 256  # queries of a block
ITEMS = 2**15  # of a block: 32 MB of scores


@torch.inference_mode()
def search(
    queries: Tensor, vectors: Tensor, k: int, hidden: np.ndarray, seen: Sequences | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k items of the highest inner products with mapped queries (R, E): (R, k) int64, best first, of equal scores
    the lower number first; and their scores (R, k) float32.

    vectors (V, E) are mapped, too. Left out are the `hidden` (V,) bool, the padding, and of each row its `seen` items;
    where fewer than k are left, PAD follows, with -inf.
    """
    items = np.full((len(queries), k), PAD, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for start in range(0, len(queries), ROWS):
        rows = np.arange(start, min(start + ROWS, len(queries)))
        found, values = _best(queries[rows], vectors, k, hidden, None if seen is None else seen.take(rows))
        scores[rows, : values.shape[1]] = values
        items[rows, : values.shape[1]] = np.where(np.isneginf(values), PAD, found)
    return items, scores


def _best(
    queries: Tensor, vectors: Tensor, k: int, hidden: np.ndarray, seen: Sequences | None
) -> tuple[np.ndarray, np.ndarray]:
    """(B, at most k) of one block of queries; what is left out has -inf."""
    out = torch.from_numpy(hidden)
    rows, met = _by_item(seen)
    best = torch.zeros((len(queries), 0), dtype=torch.float32)
    places = torch.zeros((len(queries), 0), dtype=torch.int64)
    for start in range(PAD + 1, len(vectors), ITEMS):
        stop = min(start + ITEMS, len(vectors))
        scores = (queries @ vectors[start:stop].T).float()  # (B, C)
        scores[:, out[start:stop]] = -torch.inf
        first, last = (int(edge) for edge in torch.searchsorted(met, torch.tensor([start, stop])))
        scores[rows[first:last], met[first:last] - start] = -torch.inf
        top, at = first_of_highest(scores, k)
        best, places = torch.cat([best, top], 1), torch.cat([places, at + start], 1)
        best, order_of_both = best.sort(dim=1, descending=True, stable=True)  # of equal ones the earlier block's first
        best, places = best[:, :k], places.gather(1, order_of_both)[:, :k]
    return places.numpy(), best.numpy()


def _by_item(seen: Sequences | None) -> tuple[Tensor, Tensor]:
    """The rows and the items that they have met, by ascending item."""
    if seen is None:
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    items = seen.flat_items().astype(np.int64)
    order = np.argsort(items, kind="stable")
    return torch.from_numpy(seen.flat_rows()[order]), torch.from_numpy(items[order])
