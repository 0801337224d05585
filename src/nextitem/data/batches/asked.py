"""Which items of the training rows are targets: all that may be, or those that were rated highly alone.

With kinds of events read as ratings, purchases are targets, and all that came before them is seen.

Sizes: R rows, T length.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError


def num_asked(rows: Sequences, least: float | None) -> np.ndarray:
    """(R,) int64: how many items of each row were rated at least `least`; None: all of them.

    Raises:
        InputError: the log has no ratings, or no item was rated so.
    """
    if least is None:
        return rows.lengths
    if rows.ratings is None:
        raise InputError(
            "training.target_rating learns to find what was rated highly, and the log has no ratings; name their "
            "column with --data.rating, or that of kinds of events with --data.kind"
        )
    passed = np.concatenate([[0], np.cumsum(rows.ratings >= least)])
    counts: np.ndarray = passed[rows.stops] - passed[rows.starts]
    if rows.num_interactions and not counts.any():
        raise InputError(f"training.target_rating {least:g}: no target of training was rated so; lower it")
    return counts


def asked_of(rows: Sequences, least: float | None) -> Sequences:
    """What of each row was rated at least `least`; None: all of it. Raises what `num_asked` raises."""
    if least is None:
        return rows
    num_asked(rows, least)
    return rows.rated(least)


def places_asked(rows: Sequences, least: float) -> np.ndarray:
    """(R, T) bool, beside every item of `rows.padded()`: whether it was rated at least `least`."""
    assert rows.ratings is not None
    longest = max(int(rows.lengths.max(initial=0)), 1)
    table = np.zeros((len(rows), longest), dtype=bool)
    table[np.arange(longest) < rows.lengths[:, None]] = rows.ratings[rows.flat_positions()] >= least
    return table


def only_asked(targets: Tensor, rows: Sequences, least: float | None) -> Tensor:
    """Targets (R, T), which are `rows.padded()`, with PAD in the place of those that were rated less."""
    return targets if least is None else targets.where(torch.from_numpy(places_asked(rows, least)), PAD)
