"""Pretext views: what of a row is hidden, and what it is to be told apart from, when a model learns to fill it in.

| view    | what it is                                                                                          |
|---------|-----------------------------------------------------------------------------------------------------|
| MASKED  | the row, of which each item is hidden with some probability, and the newest one always              |
| UNTRUE  | at the hidden places an item that the row has not, PAD elsewhere                                    |
| CONTEXT | the row without a stretch, which is hidden: of 1 to half of its items                               |
| STRETCH | that stretch alone, at its place; all else is hidden                                                |
| OTHER   | another stretch in its place, from anywhere in the training rows, one behind another                |

Zhou et al., "S3-Rec: Self-Supervised Learning for Sequential Recommendation with Mutual Information Maximization", CIKM
2020, arXiv:2008.07873; the code followed is the authors' (aHuiWang/CIKM2020-S3Rec). A row of one item has no stretch:
the last three views are the row.

Sizes: R rows, T length, N items of all training rows.
"""

from __future__ import annotations

import numpy as np

from nextitem.data.ids import PAD
from nextitem.errors import InputError

MASKED, UNTRUE, CONTEXT, STRETCH, OTHER = range(5)


class PretextViews:
    """Five views a row; calling it takes items (R, T), lengths (R,) and a generator, and gives (R, 5, T).

    `items` (N,) are those of all training rows, one row behind another; `mask_item` stands for what is hidden. Where
    they are not `needed`, nothing is drawn, and there are none: (R, 0, T).
    """

    needed = True

    def __init__(self, mask_item: int, items: np.ndarray, num_items: int, mask_share: float = 0.2) -> None:
        if not 0 <= mask_share <= 1:
            raise InputError(f"mask_share is a share of the items of a row, in 0..1; found {mask_share}")
        self.mask_item, self.items, self.num_items, self.mask_share = mask_item, items, num_items, mask_share

    def __call__(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not self.needed:
            return items[:, None][:, :0]
        place, length = np.arange(items.shape[1]), lengths[:, None]
        is_item = place < length
        is_hidden = is_item & ((rng.random(items.shape) < self.mask_share) | (place == length - 1))
        untrue = np.where(is_hidden, absent_items(items, self.num_items, rng.random(items.shape)), PAD)
        size = rng.integers(1, np.maximum(lengths // 2, 1), endpoint=True)  # of the stretch
        start = rng.integers(0, np.maximum(lengths - size, 0), endpoint=True)[:, None]
        elsewhere = rng.integers(0, np.maximum(len(self.items) - size, 0), endpoint=True)[:, None]
        is_inside = (place >= start) & (place < start + size[:, None])
        other = self.items[np.clip(elsewhere + place - start, 0, len(self.items) - 1)]
        around = np.where(is_item, self.mask_item, PAD)
        views = [
            np.where(is_hidden, self.mask_item, items),
            untrue,
            np.where(is_inside, self.mask_item, items),
            np.where(is_inside, items, around),
            np.where(is_inside, other, around),
        ]
        has_stretch = lengths > 1
        whole = [np.where(has_stretch[:, None], view, items) for view in views[CONTEXT:]]
        return np.stack([*views[:CONTEXT], *whole], 1)


def absent_items(items: np.ndarray, num_items: int, luck: np.ndarray) -> np.ndarray:
    """(R, T') items that rows (R, T) have not, by numbers `luck` (R, T') in [0, 1), each as likely; PAD where a row
    has all of them.

    >>> absent_items(np.array([[3, 1, 3, 0]]), 5, np.array([[0.0, 0.4, 0.9]])).tolist()
    [[2, 4, 5]]
    """
    items = np.where(items > num_items, PAD, items)  # of what is no item a row has none
    ordered = np.sort(items, axis=1)
    is_new = (ordered != PAD) & (np.diff(ordered, axis=1, prepend=PAD) != 0)
    num_absent = num_items - is_new.sum(1, keepdims=True)
    drawn = (luck * num_absent).astype(np.int64)  # from 0, among those that are absent
    # Below the j-th item of a row that is there, counted from 0, item - 1 - j are absent.
    below = np.where(is_new, ordered - is_new.cumsum(1), num_items)
    passed = (below[:, None, :] <= drawn[..., None]).sum(2)
    return np.where(num_absent > 0, drawn + 1 + passed, PAD)
