"""Rising: how often the items of a user stand in the order of their ids, as in a log that is sorted by item."""

from __future__ import annotations

import numpy as np
import polars as pl

RISING = 0.95  # of the steps; in 28 public logs at the most .70, but 1.00 in the 9 that are sorted by item
ENOUGH = 30  # steps


def rising_share(items: np.ndarray, item_ids: pl.Series, is_step: np.ndarray) -> tuple[float, int]:
    """Of the steps from one row to the next, (N - 1,), the largest share that rises, by number or as text, and how many
    there are. `items` (N,) are places in `item_ids`.
    """
    steps = int(is_step.sum())
    rising = [np.diff(numbers[items])[is_step] > 0 for numbers in _orders(item_ids)]
    return (max(float(one.mean()) for one in rising) if steps else 0.0), steps


def is_by_items(share: float, steps: int) -> bool:
    """Whether so many steps of which so many rise are a log that is sorted by item."""
    return share >= RISING and steps >= ENOUGH


def is_first(items: np.ndarray) -> np.ndarray:
    """(N,) whether an item appears here first. A step to it does not count: ids given as items first appear rise there,
    whatever the order.
    """
    found = np.zeros(len(items), dtype=bool)
    found[np.unique(items, return_index=True)[1]] = True
    return found


def _orders(ids: pl.Series) -> list[np.ndarray]:
    """Numbers that rise with the ids: as text, and by size where all are numbers."""
    texts = ids.cast(pl.String)
    by_size = texts.cast(pl.Int64, strict=False)
    by_text = texts.rank("ordinal").to_numpy().astype(np.int64)
    return [by_text] if by_size.null_count() else [by_text, by_size.to_numpy()]
