"""Split: what a model may learn from, and what it is asked to find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.log.kinds import Kinds
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import NO_SIDE, Side, TrainingData
from nextitem.errors import InputError, expect
from nextitem.notebook import html_table

READ_IT = "read one with ni.read_dataset(..)"


@dataclass(frozen=True)
class Holdout:
    """The cases of an evaluation, one a row: what may be seen, and what should be found."""

    users: np.ndarray  # (R,) int64 in 1..num_users
    history: Sequences  # (R rows) oldest first
    trained: Sequences  # (R rows) the part of the history that is training data
    target: Sequences  # (R rows) at least one item each
    num_repeats: int  # interactions of the data set whose user met the item before; what seen="auto" goes by

    def __len__(self) -> int:
        return len(self.users)

    def __repr__(self) -> str:
        return f"Holdout({len(self):,} cases, {self.target.num_interactions:,} targets)"

    @property
    def has_repeats(self) -> bool:
        """Whether any user of the data set meets an item twice."""
        return self.num_repeats > 0

    def take(self, rows: np.ndarray) -> Holdout:
        """Some of the cases, by their places or by a mask."""
        return Holdout(
            self.users[rows],
            self.history.take(rows),
            self.trained.take(rows),
            self.target.take(rows),
            self.num_repeats,
        )


@dataclass(frozen=True)
class Leaks:
    """What makes a holdout easier, or impossible, to answer."""

    cases: int
    seen_before: int  # cases with a target that stands in its own history
    never_trained: int  # cases with a target that no training row holds


@dataclass(frozen=True)
class Split:
    """What a model may learn from, and what it is asked to find: in validation to choose, in the test at the end."""

    name: str  # the rule, as tables print it
    num_items: int
    train: Sequences  # row r belongs to user r + 1
    valid: Holdout
    test: Holdout
    side: Side = NO_SIDE  # what the data set has beside its log
    kinds: Kinds | None = None  # the words that the ratings were in the log, and their numbers

    def __repr__(self) -> str:
        cases = f"{len(self.valid):,} validation cases, {len(self.test):,} test cases"
        return f"Split({self.name}: {self.train.num_interactions:,} training interactions, {cases})"

    def _repr_html_(self) -> str:
        """A table, in notebooks."""
        rows = [
            ("training", f"{len(self.train):,} users", f"{self.train.num_interactions:,} interactions", ""),
            *(
                (name, f"{len(part):,} cases", f"{part.target.num_interactions:,} targets", _told(self.leaks(part)))
                for name, part in (("validation", self.valid), ("test", self.test))
            ),
        ]
        return html_table(self.name, (), rows)

    @property
    def training_data(self) -> TrainingData:
        """What a model may learn from: the training rows, and what stands beside them."""
        return TrainingData(self.train, self.num_items, self.side)

    def leaks(self, holdout: Holdout) -> Leaks:
        """What makes the cases of `valid` or `test` easier to answer, or impossible; counted by sorting."""
        history, target, width = holdout.history, holdout.target, self.num_items + 1
        rows, items = target.flat_rows(), target.flat_items()
        known = np.sort(history.flat_rows() * width + history.flat_items())
        wanted = rows * width + items
        place = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
        is_seen = known[place] == wanted if len(known) else np.zeros(len(wanted), dtype=bool)
        is_trained = np.bincount(self.train.flat_items(), minlength=width) > 0
        seen, untrained = (int((np.bincount(rows[one]) > 0).sum()) for one in (is_seen, ~is_trained[items]))
        return Leaks(len(holdout), seen, untrained)


def _told(leaks: Leaks) -> str:
    return f"{leaks.seen_before:,} cases met their target before, {leaks.never_trained:,} have one never trained on"


def leave_one_out(dataset: Dataset, min_length: int = 3) -> Split:
    """The last item of a user is the test, the second last the validation, the rest is for training.

    At test the validation item has joined the history. Users with fewer than `min_length` interactions (3 as in
    SASRec; FreeRec takes 4) only train.

    >>> from nextitem.data.synthetic import dataset_of
    >>> split = leave_one_out(dataset_of([[1, 2, 3, 4], [5, 1]]))
    >>> split.train.to_lists(), split.test.history.to_lists(), split.test.target.to_lists()
    ([[1, 2], [5, 1]], [[1, 2, 3]], [[4]])

    Raises:
        InputError: no user has `min_length` interactions, or `min_length` is below 3.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    if min_length < 3:
        raise InputError(f"leave_one_out needs min_length of 3 or more (train, valid, test), found {min_length}")
    return _leave_out(dataset, 1, min_length, "leave_one_out", f"leave-one-out, {min_length}+ interactions")


def leave_k_out(dataset: Dataset, k: int, min_length: int | None = None) -> Split:
    """The last `k` items of a user are the test, the `k` before them the validation, the rest is for training.

    Users with fewer than `min_length` interactions (2 k + 1) only train.

    >>> from nextitem.data.synthetic import dataset_of
    >>> split = leave_k_out(dataset_of([[1, 2, 3, 4, 5], [5, 1, 2, 3]]), 2)
    >>> split.train.to_lists(), split.test.history.to_lists(), split.test.target.to_lists()
    ([[1], [5, 1, 2, 3]], [[1, 2, 3]], [[4, 5]])

    Raises:
        InputError: no user has `min_length` interactions, or it leaves nothing to train on.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    shortest = 2 * k + 1
    min_length = shortest if min_length is None else min_length
    if k < 1 or min_length < shortest:
        raise InputError(
            f"leave_k_out needs k of 1 or more, and min_length of {max(shortest, 3)} or more for it; "
            f"found k={k} and min_length={min_length}"
        )
    return _leave_out(dataset, k, min_length, "leave_k_out", f"leave-{k}-out, {min_length}+ interactions")


def _leave_out(dataset: Dataset, k: int, min_length: int, rule: str, name: str) -> Split:
    rows = dataset.sequences
    is_long = rows.lengths >= min_length
    if not is_long.any():
        raise InputError(
            f"{rule} needs {min_length} interactions a user; all {len(rows)} users of {dataset.name} have fewer "
            f"(the longest row has {rows.lengths.max(initial=0)})"
        )
    users = np.flatnonzero(is_long) + 1
    long = rows.take(is_long)
    trained = long.without_last(2 * k)
    num_repeats = rows.num_repeats()
    return Split(
        name=name,
        num_items=dataset.num_items,
        train=rows.without_last(2 * k * is_long),
        valid=Holdout(users, trained, trained, long.without_last(k).newest(k), num_repeats),
        test=Holdout(users, long.without_last(k), trained, long.newest(k), num_repeats),
        side=dataset.side,
        kinds=dataset.kinds,
    )
