"""Splits by one clock for all users: what came before a moment is known, what came after is to be found."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.log.durations import duration_seconds
from nextitem.data.log.units import PER_SECOND, ticks
from nextitem.data.splits.ratio import TEST, TRAIN, VALID, assemble, floored, parts_of_rows
from nextitem.data.splits.split import READ_IT, Split
from nextitem.errors import InputError, expect

DAY = 86_400  # seconds
NOWHERE = 3  # a part after the test, which nothing learns from, sees or asks for
Gap = str | float  # 1d, 12h, 1h30m; or seconds


def at_time(dataset: Dataset, valid_from: float, test_from: float, gap: Gap = 0.0) -> Split:
    """Cut at two moments for all users: validation is from `valid_from` on, the test from `test_from` on.

    Training is what came before; moments are seconds since 1970.

    A `gap` ("1d", "12h", or seconds) is what passes between what is known and what is asked: interactions less than so
    long before `valid_from`, and those less than so long before `test_from`, are neither learned from, seen nor asked
    for. So validation ends a gap before the test begins.

    Two interactions of one moment are never on two sides: every target is younger than all that its history and the
    training rows hold. A case has all items of its user in the window as targets; a user who is new in the window has
    an empty history.

    Raises:
        InputError: there are no timestamps, or a part is left empty.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    digits = ".0f" if float(valid_from).is_integer() and float(test_from).is_integer() else ".15g"
    name = f"at {valid_from:{digits}} and {test_from:{digits}} s"
    return _cut(dataset, ticks(valid_from, dataset.time_unit), ticks(test_from, dataset.time_unit), gap, name)


def last_days(dataset: Dataset, days: float = 1.0, gap: Gap = 0.0) -> Split:
    """Cut at one time for all users: the last `days` are the test, those before them the validation.

    FreeRec's DOD. Cases and `gap` are as in `at_time`: all items of a user in the window are targets. The validation is
    as long as the test, and ends a gap before it.

    Raises:
        InputError: there are no timestamps, or a part is left empty.
    """
    end = int(_times(dataset).max())
    valid_from = _days_before(end, 2 * days, dataset) - _gap_ticks(gap, dataset)
    test_from = _days_before(end, days, dataset)
    return _cut(dataset, valid_from, test_from, gap, f"last {days:g} days, and those before")


def at_shares(dataset: Dataset, valid: float = 0.1, test: float = 0.1, gap: Gap = 0.0) -> Split:
    """Cut at one time for all users, where the newest share `test` of all interactions begins, and `valid` before it.

    FreeRec's ROD cuts at the same interactions; here those of the same moment as the first that is held out are held
    out as well, so that nothing of that moment is trained on. `gap` is as in `at_time`; what falls into it is no part
    of either share.

    Raises:
        InputError: shares that do not leave anything, or no timestamps.
    """
    if min(valid, test) <= 0 or valid + test >= 1:
        raise InputError(f"at_time holds out two shares that add up to less than 1; found {valid} and {test}")
    ordered = np.sort(_times(dataset))
    first_valid, first_test = floored(len(ordered), 1 - valid - test), floored(len(ordered), 1 - test)
    test_from = int(ordered[first_test])
    in_gap = np.diff(np.searchsorted(ordered, [test_from - _gap_ticks(gap, dataset), test_from]))[0]
    valid_from = int(ordered[max(first_valid - in_gap, 0)])  # where that leaves nothing, `assemble` says so
    return _cut(dataset, valid_from, test_from, gap, f"{valid:g} / {test:g} at one time for all")


def late_users(dataset: Dataset, days: float = 1.0) -> Split:
    """Hold out whole users: those of the last `days` are the test, those last seen in the days before the validation.

    Training sees nothing of either (FreeRec's DOU). Their newest item is the target, the rest the history.

    Users with one interaction cannot be asked about; they only train, or, if they are late, are left out.

    Raises:
        InputError: there are no timestamps, or a part is left empty.
    """
    times = _times(dataset)
    rows = dataset.sequences.packed()
    has_any = rows.lengths > 0
    last = np.full(len(rows), np.iinfo(np.int64).min)
    last[has_any] = times[rows.stops[has_any] - 1]
    end = int(times.max())
    valid_from, test_from = _days_before(end, 2 * days, dataset), _days_before(end, days, dataset)
    user_parts = np.where(last < valid_from, TRAIN, np.where(last < test_from, VALID, TEST))
    one = np.where(rows.lengths >= 2, 1, 0)
    is_target = parts_of_rows(rows, np.arange(len(times)), np.zeros_like(one), one) == TEST
    parts = np.where(is_target, user_parts[rows.flat_rows()], TRAIN)
    return assemble(dataset, rows, parts, user_parts == TRAIN, f"users of the last {days:g} days, and of those before")


def given_parts(dataset: Dataset) -> Split:
    """The split that the files came in: one for training, one for validation, one for the test.

    Raises:
        InputError: the data came in one file.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    if dataset.parts is None:
        raise InputError(
            f"{dataset.name} came without a split; name its files with data.valid_file and data.test_file, "
            "or take another split.kind"
        )
    rows = dataset.sequences
    return assemble(dataset, rows, np.asarray(dataset.parts), np.ones(len(rows), dtype=bool), "as given in files")


def gap_seconds(gap: Gap) -> float:
    """
    >>> gap_seconds("1d"), gap_seconds(90)
    (86400.0, 90.0)

    Raises:
        InputError: it is no duration, or below 0.
    """
    found = duration_seconds(gap) if isinstance(gap, str) else gap
    if not isinstance(found, float | int) or not 0 <= found < math.inf:
        raise InputError(
            "split.gap is a time with its unit, such as 1d, 12h or 1h30m (in Python also seconds, 0 for none); found "
            f"{gap!r}"
        )
    return float(found)


def _gap_ticks(gap: Gap, dataset: Dataset) -> int:
    return math.ceil(Fraction(gap_seconds(gap)) * PER_SECOND[dataset.time_unit])


def _cut(dataset: Dataset, valid_from: int, test_from: int, gap: Gap, name: str) -> Split:
    """`at_time`, at times of the data set's own unit."""
    times, wait = _times(dataset), _gap_ticks(gap, dataset)
    is_valid = (times >= valid_from) & (times < test_from - wait)
    held_out = np.where(times >= test_from, TEST, np.where(is_valid, VALID, NOWHERE))
    parts = np.where(times < valid_from - wait, TRAIN, held_out)
    if wait:
        name += f", a gap of {gap if isinstance(gap, str) else f'{gap:g} s'} before each"
    rows = dataset.sequences.packed()
    return assemble(dataset, rows, parts, np.ones(len(rows), dtype=bool), name)


def _days_before(end: int, days: float, dataset: Dataset) -> int:
    """The first time, in the unit of the data set, that is not earlier than so many days before `end`."""
    return math.ceil(end - Fraction(days * DAY) * PER_SECOND[dataset.time_unit])


def _times(dataset: Dataset) -> np.ndarray:
    expect("dataset", dataset, Dataset, READ_IT)
    times = dataset.sequences.packed().timestamps
    if times is None:
        raise InputError(f"a split by time needs timestamps, and {dataset.name} has none; take leave_one_out")
    return times
