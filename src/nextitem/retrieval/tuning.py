"""How hard an index has to search for a recall that is asked for, and what recall it has on queries kept back.

Recall@k is the share of the k best items, what was met left out, that the index finds; an item with the score of the
k-th best is as good as that one.

Sizes: R queries, D dim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.retrieval import exact
from nextitem.retrieval.approximate import Index

LEAST_OF_GRAPH = 16  # items of a graph that are looked at, at the least
TOLERANCE = 1e-5  # of a score's size: two ways to add the same products


@dataclass(frozen=True)
class Queries:
    """What users ask, and what they have met."""

    vectors: Tensor  # (R, D), as the model makes them
    seen: Sequences  # (R rows)

    def __len__(self) -> int:
        return len(self.vectors)

    def halves(self) -> tuple[Queries, Queries]:
        """The even rows and the odd ones."""
        rows = np.arange(len(self))
        even, odd = (
            Queries(self.vectors[one], self.seen.take(one)) for one in (rows[rows % 2 == 0], rows[rows % 2 == 1])
        )
        return even, odd


@dataclass(frozen=True)
class Recall:
    """What share of the best items an index finds."""

    k: int
    value: float
    queries: int

    def __str__(self) -> str:
        return f"recall@{self.k} {self.value:.4f} on {self.queries:,} queries"


def recalls(index: Index, asked: Queries, k: int, thresholds: np.ndarray | None = None) -> np.ndarray:
    """(R,) the recall@k of each query; `thresholds` (R, k) are `exact_scores`, where they are known."""
    best = exact_scores(index, asked, k) if thresholds is None else thresholds
    items, scores = index.search(asked.vectors, k, seen=asked.seen)
    wanted = np.isfinite(best).sum(1)
    last = np.take_along_axis(best, np.maximum(wanted - 1, 0)[:, None], axis=1)
    is_best = (items != PAD) & (scores >= last - TOLERANCE * np.maximum(1.0, np.abs(last)))
    found: np.ndarray = np.where(wanted == 0, 1.0, np.minimum(is_best.sum(1), wanted) / np.maximum(wanted, 1))
    return found


def exact_scores(index: Index, asked: Queries, k: int) -> np.ndarray:
    """(R, k) of the best items, every one of them looked at; -inf where fewer are left."""
    hidden = np.arange(len(index.vectors)) == PAD
    with torch.inference_mode():
        mapped = index.model.scorer.map_queries(asked.vectors)
    return exact.search(mapped, index.vectors, k, hidden, asked.seen)[1]


def measure(index: Index, asked: Queries, k: int) -> Recall:
    """The mean recall@k."""
    return Recall(k, float(recalls(index, asked, k).mean()), len(asked))


def tune(index: Index, asked: Queries, k: int, wanted: float) -> None:
    """Set the least effort with which the index has a recall@k of `wanted` on these queries, a standard error to spare.

    The spare is for other queries, on which `measure` says what came of it.

    Raises:
        InputError: it does not, however hard it searches; or `wanted` is no share.
    """
    if not 0.0 < wanted <= 1.0:
        raise InputError(f"a recall lies above 0 and is at most 1, such as 0.95; found {wanted}")
    best = exact_scores(index, asked, k)
    most = index.kind.most_effort(index.model.num_items)
    reached = 0.0

    def is_enough(effort: int) -> bool:
        nonlocal reached
        index.effort = effort
        found = recalls(index, asked, k, best)
        reached = float(found.mean())
        return reached - float(found.std() / len(found) ** 0.5) >= wanted or reached == 1.0

    low, high = 0, LEAST_OF_GRAPH if index.kind.links else 1
    while not is_enough(high):
        if high >= most:
            raise InputError(
                f"an index {index.kind} reaches recall@{k} {reached:.4f} at the most, {wanted} was asked for; take "
                "another kind, such as IVFx,Flat, or ask for less"
            )
        low, high = high, min(2 * high, most)
    while high - low > max(1, low // 8):  # within an eighth
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    index.effort = high if most else 0
