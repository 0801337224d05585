"""What a model wants to see of its rows beside users and items, and where it is taken from.

Sizes: R rows, T length, W views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.batch import Batch
from nextitem.data.batches.turns import Turns
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

Views = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]  # items (R, T), lengths (R,) -> (R, W, T)
DrawTriples = Callable[[int, np.random.Generator], np.ndarray]  # R -> (R, 4 or 5), as TripleSampler


@dataclass(frozen=True)
class Wanted:
    """What a model wants to see of its rows: the fields of a Batch that are filled beside those that all have."""

    times: bool = False
    else_without_times: str = ""  # the option by which the model goes without, where it has one
    ratings: bool = False
    target_ratings: bool = False  # of training rows alone
    asked_at: bool = False
    labels: bool = False  # of pairs: the rating of each
    views: Views | None = None  # of training rows alone, as are
    partners: bool = False  # of prefix rows: another row with the same target
    triples: DrawTriples | None = None
    turns: Turns | None = None  # steps over triples in turn with those over rows; None: triples beside the rows

    def refuse_missing(self, rows: Sequences, who: str) -> None:
        """Refuse a log that lacks the times or the ratings that are wanted; `who` is who wants them.

        Raises:
            InputError: it lacks them.
        """
        if (self.times or self.asked_at) and rows.timestamps is None:
            way = f", or take {self.else_without_times}" if self.else_without_times else ""
            raise InputError(f"{who} goes by times, and the log has none; name its column with --data.timestamp{way}")
        if self.ratings and rows.ratings is None:
            raise InputError(f"{who} goes by ratings, and the log has none; name their column with --data.rating")

    def beside(
        self, inputs: Sequences, asked: Sequences | None = None, targets: Sequences | None = None
    ) -> dict[str, Tensor]:
        """Times and ratings of the rows that a batch shows as `inputs`; of `asked`, an item after each, the times; of
        `targets`, an item at each place, the ratings.
        """
        found: dict[str, Tensor] = {}
        if self.times and inputs.timestamps is not None:
            found["times"] = _padded(inputs, inputs.timestamps, np.int64)
        if self.ratings and inputs.ratings is not None:
            found["ratings"] = _padded(inputs, inputs.ratings, np.float32)
        if self.asked_at and asked is not None and asked.timestamps is not None:
            found["asked_at"] = _padded(asked, asked.timestamps, np.int64)
        if self.target_ratings and targets is not None and targets.ratings is not None:
            found["target_ratings"] = _padded(targets, targets.ratings, np.float32)
        return found

    def of_rows(self) -> Wanted:
        """What batches of rows have of it: triples that come in turn with them are not theirs."""
        return self if self.turns is None else replace(self, turns=None, triples=None)

    def drawn(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """The training batch with views of its inputs and triples beside its rows, where they are wanted."""
        if self.views is not None:
            inputs = batch.inputs.numpy()
            views = self.views(inputs, (inputs != PAD).sum(1), rng)
            batch = replace(batch, views=torch.from_numpy(views))
        if self.triples is not None:
            batch = replace(batch, triples=torch.from_numpy(self.triples(len(batch.users), rng)))
        return batch


NOTHING = Wanted()


def _padded(rows: Sequences, values: np.ndarray, kind: type) -> Tensor:
    """(R, T), one beside every item of `rows.padded()`, 0 at the padding."""
    longest = max(int(rows.lengths.max(initial=0)), 1)
    table: np.ndarray = np.zeros((len(rows), longest), dtype=kind)
    table[np.arange(longest) < rows.lengths[:, None]] = values[rows.flat_positions()]
    return torch.from_numpy(table)
