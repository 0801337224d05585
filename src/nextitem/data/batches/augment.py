"""Views: rows changed at random, for models that learn what stays of a history when parts of it are lost.

| operator | what it does to a row of n items                                                            |
|----------|----------------------------------------------------------------------------------------------|
| crop     | keeps floor(crop n) neighbouring items, from a random place on                              |
| mask     | puts the mask in the place of floor(mask n) items                                           |
| reorder  | shuffles floor(reorder n) neighbouring items                                                |

Xie et al., "Contrastive Learning for Sequential Recommendation", ICDE 2022, arXiv:2010.14395.

Sizes: R rows, T length, W = 2 views.
"""

from __future__ import annotations

import numpy as np

from nextitem.data.ids import PAD
from nextitem.errors import InputError


class TwoViews:
    """Two views a row, of two different operators of the three, drawn anew for every row; one item stays as it is.

    The shares are CL4SRec's. Calling it takes items (R, T), lengths (R,) and a generator, and gives (R, 2, T).
    """

    def __init__(self, mask_item: int, crop: float = 0.6, mask: float = 0.3, reorder: float = 0.6) -> None:
        shares = {"crop": crop, "mask": mask, "reorder": reorder}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise InputError(f"{name} is a share of the items of a row, in 0..1; found {share}")
        self.mask_item, self.crop_share, self.mask_share, self.reorder_share = mask_item, crop, mask, reorder

    def __call__(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chosen = rng.random((len(items), 3)).argsort(1)[:, :2]  # (R, 2) operators
        changed = np.stack(
            [
                self.crop(items, lengths, rng),
                self.mask(items, lengths, rng),
                self.reorder(items, lengths, rng),
            ]
        )  # fmt: skip  (3, R, T)
        views = changed[chosen, np.arange(len(items))[:, None]]
        return np.where((lengths < 2)[:, None, None], items[:, None], views)

    def crop(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What is kept stands at the start of the row, the padding after it."""
        kept = _share(lengths, self.crop_share)
        start = rng.integers(0, lengths - kept + 1)
        place = np.arange(items.shape[1])
        moved = np.take_along_axis(items, np.minimum(start[:, None] + place, items.shape[1] - 1), 1)
        return np.where(place < kept[:, None], moved, PAD)

    def mask(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        luck = np.where(np.arange(items.shape[1]) < lengths[:, None], rng.random(items.shape), 2.0)
        rank = luck.argsort(1).argsort(1)
        return np.where(rank < _share(lengths, self.mask_share)[:, None], self.mask_item, items)

    def reorder(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        moved = _share(lengths, self.reorder_share)
        start = rng.integers(0, lengths - moved + 1)[:, None]
        place = np.broadcast_to(np.arange(items.shape[1]), items.shape)
        is_moved = (place >= start) & (place < start + moved[:, None])
        # Within the stretch a random number decides; before and after it the place itself.
        keys = np.where(is_moved, start + moved[:, None] * rng.random(items.shape), place)
        return np.take_along_axis(items, keys.argsort(1, kind="stable"), 1)


def _share(lengths: np.ndarray, share: float) -> np.ndarray:
    """(R,) floor(share n); 1e-9 keeps 0.6 x 5 at 3."""
    return np.floor(share * lengths + 1e-9).astype(np.int64)
