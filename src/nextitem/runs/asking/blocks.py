"""Blocks: the best items of many users, scored in blocks of one shape.

How a product of matrices is rounded depends on their shapes, so that the scores of a row asked for alone and among
others differ in their last bits, and with them the order of near ties. Here a row always stands in a block of as many
rows, and as wide as its own length says: its answer is the same bit for bit, whoever else is asked.

Sizes: R rows, B rows of a block, T length of a padded row, V = num_items + 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from nextitem.data.batches import Batch, history_batch
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.evaluation.highest import first_of_highest
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender
from nextitem.models.towers import ItemTower
from nextitem.retrieval.approximate import Index
from nextitem.retrieval.exact import every_item

ROWS = 16  # of a block: whole vectors of a product; 64 are little faster, and one user alone pays for all of them

PIECE = 2**22  # items


def best(
    model: Recommender,
    histories: Sequences,
    users: np.ndarray,
    k: int,
    hidden: np.ndarray,
    *,
    exclude_seen: bool = True,
    memory: int,
    index: Index | None = None,
    asked: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k best items of every row, best first (R, k) int64, and their scores (R, k) float32.

    Row r of `histories` is that of the user with index `users[r]`. Items that are `hidden` (V,) bool are left out, and
    with `exclude_seen` those of the row; where fewer than k are left, PAD follows, with -inf. Blocks keep to `memory`
    bytes. With an `index` of the model, these are the best that it finds. `asked` (R,) is when each row is asked, of a
    model that goes by it; at its newest item, where nothing is said.
    """
    among = index or every_item(model)
    if among is not None:
        queries = queries_of(among.model, histories, users, asked)
        return among.search(queries, k, hidden, histories if exclude_seen else None)
    items = np.full((len(users), k), PAD, dtype=np.int64)
    scores = np.full((len(users), k), -np.inf, dtype=np.float32)
    count = max(1, min(ROWS, memory // bytes_of_a_row(model.num_items)))
    out = torch.from_numpy(np.flatnonzero(hidden))
    with torch.inference_mode():
        for rows, block, batch in _batches(model, histories, users, count, asked):
            found = model.score(batch)
            found.index_fill_(1, out, -torch.inf)
            if exclude_seen:
                places = block.flat_rows(), block.flat_items().astype(np.int64)
                found[torch.from_numpy(places[0]), torch.from_numpy(places[1])] = -torch.inf
            top, columns = first_of_highest(found.float()[: len(rows)], k)
            scores[rows] = top.numpy()
            items[rows] = np.where(np.isneginf(scores[rows]), PAD, columns.numpy())
    return items, scores


def queries_of(model: ItemTower, histories: Sequences, users: np.ndarray, asked: np.ndarray | None = None) -> Tensor:
    """(R, D): what each row is looking for, in blocks of one shape as above."""
    found: Tensor | None = None
    with torch.inference_mode():
        for rows, _, batch in _batches(model, histories, users, ROWS, asked):
            queries = model.query(batch)[: len(rows)]
            found = queries.new_zeros((len(users), queries.shape[1])) if found is None else found
            found[rows] = queries
    return torch.zeros((0, 0)) if found is None else found


def _batches(
    model: Recommender, histories: Sequences, users: np.ndarray, count: int, asked: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, Sequences, Batch]]:
    """Blocks of `count` rows, the last filled up: which rows they begin with, their histories, and the batch."""
    asked = _asked_at(model, histories) if asked is None else asked
    mark_computed()
    for rows, width in _blocks(histories.lengths, model.max_length, count):
        filled = np.resize(rows, count)
        block = histories.take(filled)
        moments = None if asked is None else asked[filled]
        batch = history_batch(block, model.max_length, users[filled], model.wanted(), moments)
        yield rows, block, _padded(batch, width)


def _asked_at(model: Recommender, histories: Sequences) -> np.ndarray | None:
    """(R,) when each row is asked, of a model that goes by it: at the newest item, and who met nothing at the newest of
    all users, whom `histories` are of."""
    times = histories.timestamps
    if not model.wanted().asked_at or times is None or not len(times):
        return None
    is_empty = histories.lengths == 0
    asked = times[np.where(is_empty, 0, histories.stops - 1)].astype(np.int64)
    return np.where(is_empty, times.max(), asked) if is_empty.any() else asked


def _blocks(lengths: np.ndarray, max_length: int | None, count: int) -> Iterator[tuple[np.ndarray, int]]:
    """At most `count` rows of one width each: the next power of two from their length on, or `max_length`."""
    shown = np.maximum(lengths if max_length is None else np.minimum(lengths, max_length), 1)
    widths = 2 ** np.ceil(np.log2(shown)).astype(np.int64)
    if max_length is not None:
        widths = np.minimum(widths, max_length)
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        for start in range(0, len(rows), count):
            yield rows[start : start + count], int(width)


def _padded(batch: Batch, width: int) -> Batch:
    """With PAD, and 0 beside it, up to that width."""
    more = width - batch.inputs.shape[1]
    return batch.map(lambda field: pad(field, (0, more)) if field.ndim == 2 else field)


def counts(items: np.ndarray, num_items: int) -> np.ndarray:
    """(V,) int64: how often each item is there; piece by piece, since numpy counts a copy in 64 bits."""
    found = np.zeros(num_items + 1, dtype=np.int64)
    for start in range(0, len(items), PIECE):
        found += np.bincount(items[start : start + PIECE], minlength=num_items + 1)
    return found


def most_popular(counts: np.ndarray, k: int, hidden: np.ndarray) -> np.ndarray:
    """(at most k,) int64: the items with the highest counts (V,), of equal ones the first; none that is `hidden`."""
    order = np.argsort(-counts, kind="stable")
    found: np.ndarray = order[~hidden[order]][:k]
    return found
