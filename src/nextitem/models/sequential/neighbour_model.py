"""What models of session neighbours share: the training rows by recency, and a query made of a history.

An item that stands twice in a row or in a history counts once, at its last place; places are counted among the distinct
items, from 1 for the oldest.

Sizes: B rows of a batch, T length, R training rows, M items of all of them, V = num_items + 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Fitted
from nextitem.models.checks import check_table
from nextitem.models.neighbours import Queries, Rows, scores_by_neighbours
from nextitem.models.towers import newest_places


class NeighbourModel(Fitted):
    """A model that recommends what the rows nearest to a history hold; a new one says how near, by the methods below.

    Rows that end later are more recent, by the time of their last item; without times, rows that stand later in the
    log. A user's own training row is none of their neighbours, where it is known who asks; anyone may ask.
    Items that no neighbour has tie at 0. What is saved are the training rows themselves.

    Arguments:
        num_neighbours: how many of the nearest rows are followed.
        sample_size: how many rows that share an item are compared with, the most recent ones.
        idf: how much more a rare item counts: a score is multiplied by 1 + idf * ln(rows / rows with the item).
    """

    knows_users = True
    takes_strangers = True
    # Rows, the most recent first.
    starts: Tensor  # (R + 1,) int64
    items: Tensor  # (M,) int64
    users: Tensor  # (R,) int64: whose each is
    times: Tensor  # (R,) int64: of the last item of each; 0 without times
    # What follows from them, and is not saved.
    item_starts: Tensor  # (V + 1,) int64
    holders: Tensor  # (M,) int64
    own_rows: Tensor  # (R + 1,) int64: the row of each user; -1 of nobody
    norms: Tensor  # (R,) float64
    moments: Tensor  # (R,) float64
    rarity: Tensor  # (V,) float32

    def __init__(self, num_items: int, num_neighbours: int, sample_size: int, idf: float = 0.0) -> None:
        super().__init__(num_items)
        if num_neighbours < 1 or sample_size < 1 or idf < 0:
            raise InputError(
                "num_neighbours and sample_size must be at least 1 and idf at least 0, found "
                f"{num_neighbours}, {sample_size} and {idf}"
            )
        self.num_neighbours, self.sample_size, self.idf = num_neighbours, sample_size, idf
        for name in ("starts", "items", "users", "times"):
            self.register_buffer(name, torch.zeros(0, dtype=torch.int64))

    def weights(self, places: Tensor, counts: Tensor) -> Tensor:
        """What sharing each item of a history adds to a similarity: (B, T) places, (B, 1) items of it -> (B, T)."""
        raise NotImplementedError(f"{type(self).__name__} has no weights")

    def factors(self, places: Tensor, counts: Tensor) -> Tensor:
        """What the scores of a row are multiplied by, by the place of the newest item that it shares; as `weights`."""
        return torch.ones_like(places)

    def row_norms(self, sizes: Tensor) -> Tensor:
        """What the similarity to a row of so many distinct items is multiplied by: (R,) -> (R,)."""
        return torch.ones_like(sizes)

    def fades(self, distances: Tensor) -> Tensor:
        """What an item of a row counts, by how many places it is from the row's last shared one."""
        return torch.ones_like(distances)

    def moments_of(self, times: Tensor) -> Tensor:
        """Times of the log in the unit in which similarities fade by e; zeros where they do not."""
        return torch.zeros_like(times, dtype=torch.float64)

    def fit(self, train: TrainingData) -> None:
        rows, times = distinct_rows(train.rows), train.rows.timestamps
        numbers, is_empty = np.arange(len(rows)), rows.lengths == 0
        last = np.zeros(len(rows), dtype=np.int64)
        if times is not None:
            last[~is_empty] = times[train.rows.stops[~is_empty] - 1]
        order = np.lexsort((-numbers if times is None else numbers, -last, is_empty))
        rows = rows.take(order)
        self.starts = torch.from_numpy(np.concatenate([[0], rows.lengths.cumsum()]).astype(np.int64))
        self.items = torch.from_numpy(rows.flat_items().astype(np.int64))
        self.users, self.times = torch.from_numpy(order + 1), torch.from_numpy(last[order])
        self._derive()

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        super().load_weights(weights)
        count = len(self.users)
        if not len(self.starts) == len(self.times) + 1 == count + 1:
            raise InputError(f"it has {count:,} users, {len(self.times):,} times and {len(self.starts) - 1:,} rows")
        if not torch.equal(self.users.sort().values, torch.arange(1, count + 1)):
            raise InputError(f"its {count:,} rows are not those of users 1 to {count:,}")
        check_table(self.starts, self.items, self.items, self.num_items)
        self._derive()

    def _derive(self) -> None:
        sizes = self.starts.diff()
        counts = torch.bincount(self.items, minlength=self.num_items + 1)
        own = torch.full((len(self.users) + 1,), -1)
        own[self.users] = torch.arange(len(self.users))
        is_held = counts > 0
        found = {
            "item_starts": torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
            "holders": torch.arange(len(sizes)).repeat_interleave(sizes)[self.items.argsort(stable=True)],
            "own_rows": own,
            "norms": self.row_norms(sizes.clamp(min=1).double()),
            "moments": self.moments_of(self.times),
            "rarity": torch.where(is_held, (int((sizes > 0).sum()) / counts.clamp(min=1)).log(), 0.0),
        }
        for name, tensor in found.items():
            self.register_buffer(name, tensor, persistent=False)

    def score(self, batch: Batch) -> Tensor:
        places = distinct_places(batch.inputs)
        is_there = places > 0
        counts = is_there.sum(1, keepdim=True).clamp(min=1).double()
        weights, factors = (made(places.double(), counts) for made in (self.weights, self.factors))
        queries = Queries(
            batch.inputs.masked_fill(~is_there, PAD), weights.masked_fill(~is_there, 0.0), factors,
            self.own_rows[batch.users], self._now(batch),
        )  # fmt: skip
        rows = Rows(self.starts, self.items, self.item_starts, self.holders, self.norms, self.moments)
        distances = torch.arange(int(self.starts.diff().max()) if len(self.users) else 1, device=self.starts.device)
        scores = scores_by_neighbours(
            queries, rows, self.fades(distances.double()), self.sample_size, self.num_neighbours
        )
        return scores if not self.idf else scores * (1 + self.idf * self.rarity)

    def _now(self, batch: Batch) -> Tensor:
        """(B,): the moment of the newest item."""
        if not self.wanted().times:
            return torch.zeros(len(batch.users), dtype=torch.float64, device=batch.users.device)
        if batch.times is None:
            raise InputError(f"{type(self).__name__} goes by times: the batch has none")
        return self.moments_of(batch.times.gather(1, newest_places(batch.inputs)[:, None])[:, 0])


def distinct_rows(rows: Sequences) -> Sequences:
    """The distinct items of every row, in the order in which they stand there last.

    >>> distinct_rows(Sequences.from_lists([[3, 1, 3], [], [2]])).to_lists()
    [[1, 3], [], [2]]
    """
    numbers, items = rows.flat_rows(), rows.flat_items()
    pairs = numbers * (int(items.max(initial=0)) + 1) + items
    _, from_end = np.unique(pairs[::-1], return_index=True)
    kept = np.sort(len(pairs) - 1 - from_end)
    offsets = np.searchsorted(numbers[kept], np.arange(len(rows) + 1))
    return Sequences.from_offsets(items[kept], offsets)


def distinct_places(inputs: Tensor) -> Tensor:
    """(B, T) items -> (B, T): the place of each among the distinct ones of its row, 0 where it stands again later.

    >>> distinct_places(torch.tensor([[3, 1, 3, 2], [5, 4, 0, 0]])).tolist()
    [[0, 1, 2, 3], [1, 2, 0, 0]]
    """
    items, order = inputs.sort(dim=1, stable=True)
    is_last = torch.ones_like(items, dtype=torch.bool)
    is_last[:, :-1] = items[:, 1:] != items[:, :-1]
    is_kept = torch.zeros_like(is_last).scatter_(1, order, is_last) & (inputs != PAD)
    return is_kept.cumsum(1) * is_kept
