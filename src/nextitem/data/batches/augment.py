"""Views: rows changed at random, for models that learn what stays of a history when parts of it are lost.

| operator   | what it does to a row of n items                                                              |
|------------|-----------------------------------------------------------------------------------------------|
| crop       | keeps floor(crop n) neighbouring items, from a random place on                                |
| mask       | puts the mask in the place of floor(mask n) items                                             |
| reorder    | shuffles floor(reorder n) neighbouring items                                                  |
| substitute | puts the most similar item in the place of floor(substitute n) items, at least one            |
| insert     | puts the most similar item before floor(insert n) items, at least one                         |

Xie et al., "Contrastive Learning for Sequential Recommendation", ICDE 2022, arXiv:2010.14395 (the first three); Liu et
al., "Contrastive Self-supervised Sequential Recommendation with Robust Augmentation", 2021, arXiv:2108.06479 (the last
two). Which item is most similar to which comes from outside; where none is, nothing is substituted or inserted.

Sizes: R rows, T length, W = 2 views, V = num_items + 1.
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
        _check_shares(crop=crop, mask=mask, reorder=reorder)
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
        """One item at least is kept of two or more."""
        kept = np.maximum(_share(lengths, self.crop_share), lengths > 1)
        return cropped(items, lengths, kept, rng)

    def mask(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where(_some(items, lengths, _share(lengths, self.mask_share), rng), self.mask_item, items)

    def reorder(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return reordered(items, lengths, _share(lengths, self.reorder_share), rng)


class RobustViews(TwoViews):
    """Two views a row, each of an operator that is drawn for itself: of all five; of insert, substitute and mask alone
    where a row has `short_length` items or fewer.

    The shares are those of CoSeRec's code; `similar` (V,) is the item that is most similar to each, PAD where none is.
    Rows of more than `longest` items, as insertions make them, keep their newest. Calling it gives (R, 2, T'), with T'
    the longest row that came out.
    """

    def __init__(
        self, mask_item: int, similar: np.ndarray, longest: int | None = None, *, crop: float = 0.2, mask: float = 0.7,
        reorder: float = 0.2, substitute: float = 0.1, insert: float = 0.4, short_length: int = 4,
    ) -> None:  # fmt: skip
        super().__init__(mask_item, crop, mask, reorder)
        _check_shares(substitute=substitute, insert=insert)
        self.similar, self.longest, self.short_length = similar, longest, short_length
        self.substitute_share, self.insert_share = substitute, insert

    def __call__(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        operators = self.insert, self.substitute, self.mask, self.crop, self.reorder
        num_operators = np.where(lengths <= self.short_length, 3, len(operators))
        chosen = rng.integers(0, np.repeat(num_operators, 2))  # (2 R,), the two views of a row side by side
        rows = np.repeat(np.arange(len(items)), 2)
        most = items.shape[1] + int(_share(lengths, self.insert_share, least=1).max(initial=0))
        views = np.full((len(rows), most), PAD, dtype=items.dtype)
        for number, operator in enumerate(operators):
            places = np.flatnonzero(chosen == number)
            found = operator(items[rows[places]], lengths[rows[places]], rng)
            views[places, : found.shape[1]] = found
        width = max(int((views != PAD).sum(1).max(initial=0)), 1)
        return views[:, :width].reshape(len(items), 2, width)

    def insert(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Of (R, T) rows (R, T'), which may be wider."""
        similar = np.where(_some(items, lengths, _share(lengths, self.insert_share, least=1), rng),
                           self._similar(items), PAD)  # fmt: skip
        both = np.stack([similar, items], 2).reshape(len(items), -1)  # (R, 2 T), with gaps
        both = np.take_along_axis(both, (both == PAD).argsort(1, kind="stable"), 1)  # gaps behind everything
        found = (both != PAD).sum(1)
        width = max(int(found.max(initial=0)), 1)
        if self.longest is None or width <= self.longest:
            return both[:, :width]
        first = np.maximum(found - self.longest, 0)
        places = np.minimum(first[:, None] + np.arange(self.longest), both.shape[1] - 1)
        return np.where(np.arange(self.longest) < found[:, None], np.take_along_axis(both, places, 1), PAD)

    def substitute(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        similar = self._similar(items)
        is_changed = _some(items, lengths, _share(lengths, self.substitute_share, least=1), rng) & (similar != PAD)
        return np.where(is_changed, similar, items)

    def crop(self, items: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One item at least is kept."""
        return cropped(items, lengths, _share(lengths, self.crop_share, least=1), rng)

    def _similar(self, items: np.ndarray) -> np.ndarray:
        """(R, T); of what is no item, such as another mask, nothing is similar."""
        return np.where(items < len(self.similar), self.similar[np.minimum(items, len(self.similar) - 1)], PAD)


def cropped(items: np.ndarray, lengths: np.ndarray, kept: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """So many neighbouring items of each row, `kept` (R,); they stand at its start, the padding after them."""
    start = rng.integers(0, lengths - kept + 1)
    place = np.arange(items.shape[1])
    moved = np.take_along_axis(items, np.minimum(start[:, None] + place, items.shape[1] - 1), 1)
    return np.where(place < kept[:, None], moved, PAD)


def reordered(items: np.ndarray, lengths: np.ndarray, moved: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The rows with so many neighbouring items, `moved` (R,), shuffled."""
    start = rng.integers(0, lengths - moved + 1)[:, None]
    place = np.broadcast_to(np.arange(items.shape[1]), items.shape)
    is_moved = (place >= start) & (place < start + moved[:, None])
    # Within the stretch a random number decides; before and after it the place itself.
    keys = np.where(is_moved, start + moved[:, None] * rng.random(items.shape), place)
    return np.take_along_axis(items, keys.argsort(1, kind="stable"), 1)


def _some(items: np.ndarray, lengths: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(R, T) which of the items are among `counts` (R,) of each row, drawn without replacement."""
    luck = np.where(np.arange(items.shape[1]) < lengths[:, None], rng.random(items.shape), 2.0)
    rank = luck.argsort(1).argsort(1)
    chosen: np.ndarray = rank < counts[:, None]
    return chosen


def _share(lengths: np.ndarray, share: float, least: int = 0) -> np.ndarray:
    """(R,) floor(share n), but `least` where there are so many; 1e-9 keeps 0.6 x 5 at 3."""
    return np.minimum(np.maximum(np.floor(share * lengths + 1e-9).astype(np.int64), least), lengths)


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(f"{name} is a share of the items of a row, in 0..1; found {share}")
