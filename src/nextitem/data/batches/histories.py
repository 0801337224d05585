"""Histories as batches: what is scored, in an evaluation and in use.

Sizes: R rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.batch import Batch
from nextitem.data.batches.wanted import NOTHING, Wanted
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout


def holdout_batch(holdout: Holdout, max_length: int | None, wanted: Wanted = NOTHING) -> Batch:
    """All rows of a holdout's histories as one batch, without targets; each is asked when its first target was met."""
    times = holdout.target.timestamps
    asked = None if times is None or not wanted.asked_at else times[holdout.target.starts]
    return history_batch(holdout.history, max_length, holdout.users, wanted, asked)


def history_batch(
    rows: Sequences,
    max_length: int | None,
    users: np.ndarray | None = None,
    wanted: Wanted = NOTHING,
    asked: np.ndarray | None = None,
) -> Batch:
    """A batch of histories to score, asked for the next item of each at the times `asked` (R,).

    They are of these `users` (R,), or of nobody known. Without `asked` it is the time of the newest item. What a model
    wants and the log lacks stays away.
    """
    shown = rows if max_length is None else rows.newest(max_length)
    batch = Batch.of(torch.from_numpy(shown.padded()), None if users is None else torch.from_numpy(users))
    batch = replace(batch, **wanted.beside(shown))
    if not wanted.asked_at or rows.timestamps is None:
        return batch
    if asked is None:
        asked = np.where(shown.lengths > 0, rows.timestamps[np.maximum(shown.stops - 1, 0)], 0)
    return replace(batch, asked_at=_at_newest(batch.inputs, shown.lengths, asked))


def _at_newest(inputs: Tensor, lengths: np.ndarray, asked: np.ndarray) -> Tensor:
    """(R, T): the time of the question at the newest item of each row, 0 elsewhere."""
    table = torch.zeros_like(inputs)
    newest = torch.from_numpy(np.maximum(lengths - 1, 0))
    table[torch.arange(len(inputs)), newest] = torch.from_numpy(asked.astype(np.int64))
    return table
