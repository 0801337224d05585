"""Exact search: the k best items of every query, in blocks, so that memory grows with neither queries nor items.

Sizes: R queries, B queries of a block, E width of what the scorer maps to, V = num_items + 1, C items of a block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.evaluation.highest import FEW, first_of_highest
from nextitem.models.base import Recommender
from nextitem.models.products import with_products
from nextitem.models.towers import ItemTower
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.retrieving import highest_products
from nextitem.nn.scorers import all_inner_products

ROWS = 64  # queries of a block
# Of one where products are torch's, whose rounding goes by their shape: so a row's scores are the same bit for bit,
# whoever else is asked. The compiled loop rounds every score by itself.
ALIKE = 16
ITEMS = 2**15  # of a block there: 2 MB of scores


class EveryItem:
    """A model's search among all items, asked as an index is."""

    def __init__(self, model: ItemTower) -> None:
        self.model = model

    def search(
        self, queries: Tensor, k: int, hidden: np.ndarray, seen: Sequences | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best items for queries (R, D), as the model makes them; see `search` below."""
        scorer = self.model.scorer
        return search(scorer.map_queries(queries), self.model.mapped_vectors(), k, hidden, seen)


def every_item(model: Recommender) -> EveryItem | None:
    """None where scores are more than products of a query with a vector an item."""
    tower = with_products(model)
    return None if tower is None else EveryItem(tower)


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
    out = torch.from_numpy(hidden).clone()
    out[PAD] = True
    for start in range(0, len(queries), ROWS):
        rows = np.arange(start, min(start + ROWS, len(queries)))
        top, found = _best(queries[rows], vectors, k, out, _by_item(None if seen is None else seen.take(rows)))
        scores[rows], items[rows] = top.numpy(), found.masked_fill(torch.isneginf(top), PAD).numpy()
    return items, scores


def _best(queries: Tensor, vectors: Tensor, k: int, out: Tensor, met: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """(B, k) scores and items of one block of queries."""
    if len(queries) * len(vectors) > FEW and PRODUCTS.runs(queries, vectors):
        return _compiled(queries, vectors, k, out, met)
    return _plain(queries, vectors, k, out, met)


def _compiled(
    queries: Tensor, vectors: Tensor, k: int, out: Tensor, met: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    top, items, has_nan = highest_products(vectors, queries, k, out, met)
    return _plain(queries, vectors, k, out, met) if has_nan else (top, items)


def _plain(queries: Tensor, vectors: Tensor, k: int, out: Tensor, met: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    rows, items = met
    best, places = torch.full((len(queries), k), -torch.inf), torch.full((len(queries), k), len(vectors))
    for row in range(0, len(queries), ALIKE):
        block = slice(row, min(row + ALIKE, len(queries)))
        filled = queries[torch.arange(row, row + ALIKE).clamp(max=block.stop - 1)]
        for start in range(0, len(vectors), ITEMS):
            stop = min(start + ITEMS, len(vectors))
            scores = all_inner_products(filled, vectors[start:stop]).float()  # (ALIKE, C)
            scores[:, out[start:stop]] = -torch.inf
            is_here = (rows >= block.start) & (rows < block.stop) & (items >= start) & (items < stop)
            scores[rows[is_here] - row, items[is_here] - start] = -torch.inf
            top, at = first_of_highest(scores[: block.stop - row], k)
            both, places_of_both = torch.cat([best[block], top], 1), torch.cat([places[block], at + start], 1)
            both, order = both.sort(dim=1, descending=True, stable=True)  # of equal ones the earlier block's first
            best[block], places[block] = both[:, :k], places_of_both.gather(1, order)[:, :k]
    return best, places.masked_fill(torch.isneginf(best), len(vectors))


def _by_item(seen: Sequences | None) -> tuple[Tensor, Tensor]:
    """The rows and the items that they have met, by ascending item."""
    if seen is None:
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    items = seen.flat_items().astype(np.int64)
    order = np.argsort(items, kind="stable")
    return torch.from_numpy(seen.flat_rows()[order]), torch.from_numpy(items[order])


def _examples() -> list[Any]:
    """Whole numbers, with ties across stretches; more queries than fill a vector, few items for many places."""
    queries, vectors = ((x * 2).round() for x in drawn((9, 5), (300, 5)))
    out, met = torch.arange(300) % 7 == 0, (torch.tensor([0, 3, 8]), torch.tensor([1, 2, 299]))
    return [(queries, vectors, 10, out, met), (queries[:1], vectors[:70], 50, out[:70], (met[0][:1], met[1][:1]))]


PRODUCTS = Family("highest products", _compiled, _plain, _examples)
