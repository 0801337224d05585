"""Tastes: whether those whom a network joins have met the same items, more than others would have.

Sizes: U users, I items, E edges, P pairs of users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from nextitem.data.dataset import Dataset
from nextitem.data.side.triples import Triples

MOST = 100_000  # edges that are looked at; of more a sample is drawn
BLOCK = 20_000  # pairs at a time
FEWEST_RATIO, FEWEST_RANK = (
    1.2,
    0.2,
)  # below both the numbering is doubtful: of eleven public networks only those of two numberings are
FEWEST_EDGES = 30  # of fewer the two figures say nothing
DRAWS = 4  # drawn partners of every friend
RESAMPLES = 500  # of the bootstrap


@dataclass(frozen=True)
class Agreement:
    """Whether a network and a log number the same users, as far as figures tell."""

    edges: int  # between users of the log, a sample where there are many
    rank_out: (
        float | None
    )  # Spearman's, of a user's interactions and how many they trust; None: one of them is constant
    rank_in: float | None  # and by how many they are trusted
    ratio: float | None  # items that the two ends of an edge share, over those of random ends; None: nobody shares one

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing speaks for one numbering."""
        ranks = [rank for rank in (self.rank_out, self.rank_in) if rank is not None]
        return (
            self.edges >= FEWEST_EDGES and max(ranks, default=0.0) < FEWEST_RANK and (self.ratio or 0.0) < FEWEST_RATIO
        )

    def __str__(self) -> str:
        ratio, out, into = (
            "none" if one is None else f"{one:.2f}" for one in (self.ratio, self.rank_out, self.rank_in)
        )
        return (
            f"do the network and the log number the same users? friends share {ratio} times the items of random users "
            f"(below {FEWEST_RATIO}), and who is active has no more friends (Spearman {out} and {into}, below "
            f"{FEWEST_RANK})"
        )


@dataclass(frozen=True)
class Homophily:
    """How much more alike than others of the same degrees friends are, by the Jaccard index of what they met."""

    friends: float  # mean over edges
    others: float  # with the targets of edges permuted, nobody with themselves
    ratio: float  # of the two
    low: float  # 95 % of the ratio, when users who trust somebody are drawn anew
    high: float
    edges: int  # that were looked at


def check_network(trust: Triples, dataset: Dataset, seed: int = 0) -> Agreement:
    """Spearman's correlations are over users with such an edge, since who has none is often who has no account there.

    What random ends share is its expectation: over all pairs of a source and a target that are two users.
    """
    heads, tails = _edges(trust, seed)
    met = _met(dataset)
    active = np.diff(met.indptr)
    out, into = (np.bincount(ends, minlength=len(active)) for ends in (heads, tails))
    shared = float(_shared(met, heads, tails).sum())
    both = out * into
    expected = float((met.T @ out) @ (met.T @ into) - both @ active)  # without pairs of a user and themselves
    pairs = len(heads) ** 2 - int(both.sum())
    has_any = bool(expected and pairs and len(heads))
    ratio = shared / len(heads) / (expected / pairs) if has_any else None
    return Agreement(len(heads), _rank(active, out), _rank(active, into), ratio)


def measure_homophily(trust: Triples, dataset: Dataset, seed: int = 0) -> Homophily | None:
    """None where no two random ends share an item, or fewer than two users trust anybody."""
    heads, tails = _edges(trust, seed)
    met, random = _met(dataset), np.random.default_rng(seed)
    others = np.concatenate([random.permutation(tails) for _ in range(DRAWS)]) if len(tails) else tails
    sources = np.tile(heads, DRAWS)[: len(others)]
    is_other = sources != others
    sums = []
    for ends, partners in ((heads, tails), (sources[is_other], others[is_other])):
        alike = _jaccard(met, ends, partners)
        sums.append([np.bincount(ends, one, met.shape[0]) for one in (alike, np.ones(len(ends)))])
    users = np.flatnonzero(sums[0][1])
    totals = np.stack([one[users] for pair in sums for one in pair])  # (4, users)
    if len(users) < 2 or not totals[2].sum():
        return None
    again = [totals[:, random.integers(0, len(users), len(users))].sum(axis=1) for _ in range(RESAMPLES)]
    alike, pairs, alike_others, pairs_others = np.stack([totals.sum(axis=1), *again], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample may hold nobody who shares an item
        friends, strangers = alike / pairs, alike_others / pairs_others
        ratios = friends / strangers
    low, high = np.quantile(ratios[1:][np.isfinite(ratios[1:])], [0.025, 0.975])
    return Homophily(float(friends[0]), float(strangers[0]), float(ratios[0]), float(low), float(high), len(heads))


def _edges(trust: Triples, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(E,) the users from 1 at the ends of each edge once, without those of a user to themselves; MOST at the most."""
    own = trust.among_own()
    is_other = own.heads != own.tails
    once = np.unique(np.stack([own.heads[is_other], own.tails[is_other]]).astype(np.int64), axis=1)
    if once.shape[1] > MOST:
        once = once[:, np.sort(np.random.default_rng(seed).choice(once.shape[1], MOST, replace=False))]
    return once[0], once[1]


def _met(dataset: Dataset) -> csr_array:
    """(U + 1, I + 1) of ones: who met what."""
    rows = dataset.sequences if dataset.sequences.is_packed else dataset.sequences.packed()
    ends = (rows.flat_rows() + 1, rows.items)
    met = csr_array((np.ones(len(rows.items), np.int32), ends), shape=(len(rows) + 1, dataset.num_items + 1))
    met.sum_duplicates()
    met.data[:] = 1
    return met


def _shared(met: csr_array, some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(P,) how many items the two users of each pair share."""
    blocks = [slice(first, first + BLOCK) for first in range(0, len(some), BLOCK)]
    found = [np.zeros(0, np.int64), *(met[some[one]].multiply(met[others[one]]).sum(axis=1) for one in blocks)]
    return np.concatenate(found)


def _jaccard(met: csr_array, some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(P,) what they share, of all that either met."""
    shared, count = _shared(met, some, others), np.diff(met.indptr)
    return shared / np.maximum(count[some] + count[others] - shared, 1)


def _rank(active: np.ndarray, degrees: np.ndarray) -> float | None:
    """Spearman's correlation over users with an edge."""
    has_any = degrees > 0
    one, other = (pl.Series(values[has_any]).rank().to_numpy() for values in (active, degrees))
    if len(one) < 2 or not (one.std() and other.std()):
        return None
    return float(np.corrcoef(one, other)[0, 1])
