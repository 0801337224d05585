"""Expected metrics: the mean over all orders in which tied candidates may stand, in closed form.

Every form is exact for any number of targets, tied with each other or not: in random order the m targets of a block of
t equal candidates are on any m of its t places alike, and blocks do not depend on each other.

Sizes: R cases, M most targets of a case, k places on the list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nextitem.evaluation.ties import within_blocks


@dataclass(frozen=True)
class Listed:
    """Cases whose targets may stand on a list of `k`. All arrays (R, M), in ascending order of `above`."""

    above: np.ndarray  # int64, places before the target's block, at most k
    tied: np.ndarray  # int64, places of the block
    reach: np.ndarray  # int64, those of them that are on the list
    number: np.ndarray  # int64, of the target among those of the block, from 0
    together: np.ndarray  # int64, targets of the block
    num_targets: np.ndarray  # (R,) int64
    k: int

    @classmethod
    def of(cls, above: np.ndarray, tied: np.ndarray, num_targets: np.ndarray, k: int) -> Listed:
        """`above` (R, M) float64, inf where a case has fewer targets, whose `tied` is 1 then."""
        start = np.minimum(above, k).astype(np.int64)
        return cls(start, tied, np.minimum(k - start, tied), *within_blocks(above, tied), num_targets, k)

    def sums(self, gains: np.ndarray) -> np.ndarray:
        """(R, M): the sum of the (k,) gains of places over the places of the block that are on the list."""
        before = np.concatenate([[0.0], np.cumsum(gains)])
        summed: np.ndarray = before[self.above + self.reach] - before[self.above]
        return summed

    @property
    def hits(self) -> np.ndarray:
        """(R,) targets on the list."""
        found: np.ndarray = (self.reach / self.tied).sum(1)
        return found


def hr(cases: Listed) -> np.ndarray:
    """One less the probability that all targets miss: of a block they miss one after the other, without replacement."""
    missing = np.maximum(cases.tied - cases.reach - cases.number, 0) / (cases.tied - cases.number)
    chance: np.ndarray = 1 - missing.prod(1)
    return chance


def recall(cases: Listed) -> np.ndarray:
    return cases.hits / cases.num_targets


def recall_capped(cases: Listed) -> np.ndarray:
    return cases.hits / np.minimum(cases.num_targets, cases.k)


def precision(cases: Listed) -> np.ndarray:
    return cases.hits / cases.k


def f1(cases: Listed) -> np.ndarray:
    return 2 * cases.hits / (cases.k + cases.num_targets)


def ndcg(cases: Listed) -> np.ndarray:
    gains = 1 / np.log2(np.arange(2, cases.k + 2))
    ideal = np.cumsum(gains)[np.minimum(cases.num_targets, cases.k) - 1]
    gained: np.ndarray = (cases.sums(gains) / cases.tied).sum(1)
    return gained / ideal


def mrr(cases: Listed) -> np.ndarray:
    """The first target is in the first block. Alone there, it is on each place alike; the first of m = 2, 3, .. is on
    place x of t with probability C(t - x, m - 1) / C(t, m), which is m / t for x = 1."""
    values: np.ndarray = cases.sums(1 / np.arange(1, cases.k + 1))[:, 0] / cases.tied[:, 0]
    many = cases.together[:, 0] > 1
    above, tied, reach, together = (
        each[many, 0] for each in (cases.above, cases.tied, cases.reach, cases.together)
    )  # (R',)
    chance, total = together / tied, np.zeros(len(above))
    for place in range(1, int(reach.max(initial=0)) + 1):
        total += np.where(place <= reach, chance / (above + place), 0.0)
        left = np.maximum(tied - place, 1)
        chance = chance * np.maximum(tied - place - together + 1, 0) / left
    values[many] = total
    return values


def average_precision(cases: Listed) -> np.ndarray:
    """A target at place x of its block has (x - 1) (m - 1) / (t - 1) others of the block before it on average, and all
    targets of the blocks before."""
    rivals = (cases.together - 1) / np.maximum(cases.tied - 1, 1)
    earlier = np.arange(cases.above.shape[1]) - cases.number  # targets of blocks before
    # The sum over x <= reach of (earlier + 1 + (x - 1) rivals) / (above + x), with x - 1 = (above + x) - (above + 1).
    reciprocals = cases.sums(1 / np.arange(1, cases.k + 1))
    gained = rivals * cases.reach + (earlier + 1 - rivals * (cases.above + 1)) * reciprocals
    summed: np.ndarray = (gained / cases.tied).sum(1)
    return summed / np.minimum(cases.num_targets, cases.k)


EXPECTED: dict[str, Callable[[Listed], np.ndarray]] = {
    "hr": hr,
    "ndcg": ndcg,
    "mrr": mrr,
    "recall": recall,
    "recall_capped": recall_capped,
    "precision": precision,
    "map": average_precision,
    "f1": f1,
}
