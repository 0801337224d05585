"""Labelled: pairs of users and items that say how much, such as clicked or not, or a rating; cut at random.

Sizes: N pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.log.kinds import least_of
from nextitem.data.sequences import Sequences
from nextitem.data.splits.ratio import TEST, TRAIN, VALID, amounts, check_amounts, largest
from nextitem.data.splits.split import READ_IT
from nextitem.data.training_data import NO_SIDE, Side, TrainingData
from nextitem.errors import InputError, expect


@dataclass(frozen=True)
class Pairs:
    """Users, items, and the label of each pair."""

    users: np.ndarray  # (N,) int64 in 1..num_users
    items: np.ndarray  # (N,) int64 in 1..num_items
    labels: np.ndarray  # (N,) float32

    def __len__(self) -> int:
        return len(self.users)

    def take(self, chosen: np.ndarray) -> Pairs:
        """Some of the pairs, by their places or by a mask."""
        return Pairs(self.users[chosen], self.items[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Labelled:
    """Pairs to learn from, to choose by, and to be asked for at the end."""

    name: str  # the rule, as tables print it
    num_items: int
    rows: Sequences  # row r holds the pairs of user r + 1 to learn from, whatever their labels
    met: Sequences  # of these the ones with a label above 0: what a model may take for interactions
    train: Pairs
    valid: Pairs
    test: Pairs
    side: Side = NO_SIDE

    def __repr__(self) -> str:
        parts = f"{len(self.train):,} training, {len(self.valid):,} validation, {len(self.test):,} test pairs"
        return f"Labelled({self.name}: {parts})"

    @property
    def is_binary(self) -> bool:
        """Whether the labels say yes or no, 1 or 0."""
        return all(bool(np.isin(pairs.labels, (0, 1)).all()) for pairs in (self.train, self.valid, self.test))

    @property
    def training_data(self) -> TrainingData:
        """What a model may learn from beside the labels: who met what, and what stands beside the log."""
        return TrainingData(self.met, self.num_items, self.side)


def labelled(
    dataset: Dataset, valid: float = 0.2, test: float = 0.2, seed: int = 0, *, target_rating: float | str | None = None
) -> Labelled:
    """Cut the pairs of a data set whose ratings are labels: 1 and 0 for yes and no, or how much a user likes an item.

    `valid` and `test` are shares of the pairs below 1, or whole numbers of them, drawn at random whoever they are of:
    6:2:2 as RippleNet, MKR, KGCN and KGNN-LS have it. A pair with the label 0 is no interaction: graphs, histories
    and popularity do not have it. With a `target_rating`, a number or the word of a kind of events, a rating of at
    least that is a yes, and a lower one a no.

    Raises:
        InputError: there are no ratings, or one is below 0; a pair stands there twice; a part of yes and no has but
            one of them; there is no such word.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    check_amounts(valid, test)
    least = least_of("target_rating", target_rating, dataset.kinds)
    rows = dataset.sequences.packed()
    rows = replace(rows, ratings=_labels(rows, dataset, least))
    assert rows.ratings is not None
    pairs = Pairs(rows.flat_rows() + 1, rows.flat_items().astype(np.int64), rows.ratings)
    parts = largest(np.random.default_rng(seed).random(len(pairs)), *amounts(len(pairs), valid, test))
    left = 1 - valid - test if valid < 1 else len(pairs) - valid - test
    split = Labelled(
        f"{left:g} / {valid:g} / {test:g} of labelled pairs, random"
        + ("" if least is None else f", yes from a rating of {least:g} on"),
        dataset.num_items,
        rows.kept(parts == TRAIN),
        rows.kept((parts == TRAIN) & (pairs.labels > 0)),
        pairs.take(parts == TRAIN),
        pairs.take(parts == VALID),
        pairs.take(parts == TEST),
        dataset.side,
    )
    for name, part in (("training", split.train), ("validation", split.valid), ("test", split.test)):
        if not len(part) or (split.is_binary and len(np.unique(part.labels)) < 2):
            raise InputError(
                f"the {name} part of {split.name} needs pairs, and of yes and no both, found {len(part):,} with the "
                f"labels {np.unique(part.labels).tolist()}; hold out another share, or bring more data"
            )
    return split


def _labels(rows: Sequences, dataset: Dataset, least: float | None) -> np.ndarray:
    if rows.ratings is None:
        raise InputError(
            f"a labelled split needs ratings that are labels, and {dataset.name} has none; name their column: rating=.."
        )
    if repeats := rows.num_repeats():
        raise InputError(f"{repeats:,} labelled pairs stand there again, and labels may contradict; keep one of each")
    if least is not None:
        return (rows.ratings >= least).astype(np.float32)
    if (lowest := rows.ratings.min(initial=0)) < 0:
        raise InputError(
            f"labels are 0 or more, found {lowest:g}; write no as 0, or say from which rating on it is yes"
        )
    return rows.ratings
