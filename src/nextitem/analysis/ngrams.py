"""N-grams: how well counting predicts the next item from none, one or two items before it, or from the set of two.

Interpolated Witten-Bell smoothing (Witten & Bell 1991; Chen & Goodman 1998, section 2.6): after a context c that was
met n(c) times with T(c) different followers,

    p(w | c) = (n(c, w) + T(c) p(w | shorter c)) / (n(c) + T(c)),        the shortest is uniform over all items.

The cross-entropy of held-out targets is the honest number. The plug-in entropy of the training counts beside it is
biased far down where contexts are rare: a context that was met once "predicts" its follower with certainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nextitem.data.splits.split import Split

CONTEXTS = ("nothing", "the last item", "the last two items", "the set of the last two")


@dataclass(frozen=True)
class Predictability:
    held_out: float  # bits a test target costs; less is better
    plug_in: float  # bits, conditional entropy of the training counts; biased down
    known: float  # share of test cases whose context was met in training


def predictability(split: Split) -> dict[str, Predictability]:
    """By context, in the order of CONTEXTS."""
    train, size = split.train, split.num_items + 1
    places = train.without_first(1).flat_positions()  # every item but a row's first has a last item before it
    second = train.without_first(2).flat_positions()
    cases, targets = split.test.history, split.test.target.padded(1)[:, 0]
    tests = _contexts(cases.padded(2), size)
    items = train.items.astype(np.int64)
    order_0 = _Counts(np.zeros(train.num_interactions, dtype=np.int64), train.flat_items().astype(np.int64), size)
    order_1 = _Counts(items[places - 1], items[places], size)
    two = np.stack([items[second - 2], items[second - 1]], 1)
    chances = [order_0.after(np.zeros(len(targets), dtype=np.int64), targets, np.full(len(targets), 1 / (size - 1)))]
    chances.append(order_1.after(tests["the last item"], targets, chances[0]))
    counts = [order_0, order_1]
    for name in CONTEXTS[2:]:
        counts.append(_Counts(_contexts(two, size)[name], items[second], size))
        chances.append(counts[-1].after(tests[name], targets, chances[1]))
    keys = [np.zeros(len(targets), dtype=np.int64), *(tests[name] for name in CONTEXTS[1:])]
    return {
        name: Predictability(float(-np.log2(chance).mean()), count.entropy(), count.known(key))
        for name, count, chance, key in zip(CONTEXTS, counts, chances, keys, strict=True)
    }


def _contexts(table: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """(R, 2) the newest two items, oldest first -> a number for each context; -1 where a row is too short."""
    if table.shape[1] == 1:
        table = np.pad(table, ((0, 0), (0, 1)))
    is_short = table[:, 1] == 0
    last = np.where(is_short, table[:, 0], table[:, 1])
    low, high = np.sort(table, 1).T
    return {
        "the last item": last,
        "the last two items": np.where(is_short, -1, table[:, 0] * size + table[:, 1]),
        "the set of the last two": np.where(is_short, -1, low * size + high),
    }


class _Counts:
    """What followed what, in sorted arrays: contexts, and (context, item) pairs."""

    def __init__(self, contexts: np.ndarray, items: np.ndarray, size: int) -> None:
        self.contexts, numbers = np.unique(contexts, return_inverse=True)
        self.totals = np.bincount(numbers, minlength=len(self.contexts))
        self.size = size
        self.pairs, self.counts = np.unique(numbers * size + items, return_counts=True)
        self.kinds = np.bincount(self.pairs // size, minlength=len(self.contexts))

    def after(self, contexts: np.ndarray, items: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """(R,) probabilities of items; `shorter` are those after the shorter context."""
        numbers, is_known = _places(self.contexts, contexts)
        if not len(self.contexts):
            return shorter
        pairs, is_met = _places(self.pairs, numbers * self.size + items)
        count = np.where(is_met, self.counts[pairs], 0)
        total, kinds = self.totals[numbers], self.kinds[numbers]
        mixed: np.ndarray = np.where(is_known, (count + kinds * shorter) / (total + kinds), shorter)
        return mixed

    def entropy(self) -> float:
        """Bits: of an item given its context, by the counts as they are."""
        total = self.totals[self.pairs // self.size]
        return float(-(self.counts * np.log2(self.counts / total)).sum() / max(self.counts.sum(), 1))

    def known(self, contexts: np.ndarray) -> float:
        return float(_places(self.contexts, contexts)[1].mean())


def _places(known: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each wanted number stands among the sorted known ones, and whether it does (place 0 if not)."""
    if not len(known):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    places = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    is_known = known[places] == wanted
    return np.where(is_known, places, 0), is_known
