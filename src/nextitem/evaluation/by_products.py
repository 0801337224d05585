"""Ranks by products: where a model's scores are products of a query with a vector an item, and the whole catalogue is
ranked, they are counted as they are made, and never held.

Sizes: R cases, B cases that are counted at once, M most targets of a case, V = num_items + 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout
from nextitem.evaluation.counting import count_plain
from nextitem.models.base import Recommender
from nextitem.models.products import with_products
from nextitem.models.towers import ItemTower
from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.ranking import rank_products

AT_ONCE = 2048  # cases: enough groups of them for many cores; their queries are all that is held
Found = tuple[Tensor, Tensor] | None  # above and equal (B, M); None if a score is NaN


def tower_of(model: Recommender) -> ItemTower | None:
    """The model, if the compiled loop counts its scores: none but products, in float32, on the CPU."""
    tower = with_products(model)
    return tower if tower is not None and RANKS.runs(tower.mapped_vectors()) else None


def count_products(
    model: ItemTower, ordered: Holdout, batches: Iterable[tuple[np.ndarray, Batch]], seen: str | None
) -> Iterator[tuple[np.ndarray, Found, np.ndarray]]:
    """For batches of some cases of `ordered`, and their places there -> the places of more cases, their counts, and how
    many items each has seen, but for its targets (B,).

    `seen`: "mask", "mask_unless_target", or None where what was seen is ranked, too.
    """
    places: list[np.ndarray] = []
    queries: list[Tensor] = []
    for some, batch in batches:
        places.append(some)
        queries.append(model.scorer.map_queries(model.query(batch)))
        if sum(map(len, places)) >= AT_ONCE:
            yield _counted(model, ordered, np.concatenate(places), torch.cat(queries), seen)
            places, queries = [], []
    if places:
        yield _counted(model, ordered, np.concatenate(places), torch.cat(queries), seen)


def _counted(
    model: ItemTower, ordered: Holdout, places: np.ndarray, queries: Tensor, seen: str | None
) -> tuple[np.ndarray, Found, np.ndarray]:
    block = ordered.take(places)
    targets = torch.from_numpy(block.target.padded(None))
    history = block.history if seen is not None else block.history.newest(0)
    above, equal, is_seen, num_seen, has_nan = rank_products(
        model.mapped_vectors(), queries, targets, _flat(history), seen == "mask_unless_target"
    )
    if has_nan:
        return places, None, num_seen.numpy()
    # A target that has left the ranking with the seen items is last: no tie among them may lift it onto a list.
    last = above.double().masked_fill(is_seen, model.num_items - 1)
    is_none = targets == PAD
    found = last.masked_fill(is_none, torch.inf), equal.long().masked_fill(is_seen | is_none, 1)
    return places, found, num_seen.numpy()


def _flat(rows: Sequences) -> tuple[Tensor, Tensor]:
    """Where each row begins (R + 1,), and all items, int64."""
    starts = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(rows.lengths, out=starts[1:])
    return torch.from_numpy(starts), torch.from_numpy(rows.flat_items().astype(np.int64))


def _rank_plain(
    vectors: Tensor, queries: Tensor, targets: Tensor, seen: tuple[Tensor, Tensor], spares_targets: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, bool]:
    """The definition. What is said of no target is 0."""
    starts, items = seen
    rows = torch.repeat_interleave(torch.arange(len(queries)), starts.diff())
    are_seen = torch.zeros(len(queries), len(vectors), dtype=torch.bool)
    are_seen[rows, items] = True
    scores = queries @ vectors.T
    has_nan = bool(scores[:, PAD + 1 :].isnan().any())
    wanted = scores.gather(1, targets)
    scores[:, PAD] = -torch.inf
    scores[are_seen] = -torch.inf
    if spares_targets:
        scores.scatter_(1, targets, wanted.masked_fill(targets == PAD, -torch.inf))
    own = scores.gather(1, targets)
    is_none, is_seen = targets == PAD, (own == -torch.inf) & (targets != PAD)
    above, equal, _ = count_plain(scores, own)
    above, equal = (one.int().masked_fill(is_none | is_seen, 0) for one in (above, equal))
    return above, equal, is_seen, are_seen.scatter(1, targets, False).sum(1), has_nan


def _examples() -> list[Any]:
    """Small whole numbers, so that products are exact and many equal: two groups of queries, the last not full, with
    seen items, seen targets, and cases with fewer targets.
    """
    vectors, queries = ((x * 2).round() for x in drawn((150, 5), (70, 5)))
    targets = torch.arange(70 * 3).view(70, 3) % 149 + 1
    targets[::4, 2] = PAD
    starts = torch.arange(71) * 2
    items = torch.stack([targets[:, 0], torch.arange(70) + 1], 1).view(-1)
    without = torch.zeros(71, dtype=torch.int64), items[:0]
    torn = vectors.clone()
    torn[7, 0] = torch.nan
    return [
        (vectors, queries, targets, (starts, items), False), (vectors, queries, targets, (starts, items), True),
        (vectors, queries, targets[:, :1].contiguous(), without, False),
        (torn, queries * 0, targets, without, False),
    ]  # fmt: skip


RANKS = Family("ranks by products", rank_products, _rank_plain, _examples)
