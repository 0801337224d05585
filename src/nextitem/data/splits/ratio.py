"""Ratio splits: a share, or a number, of the interactions is held out; a user may have many targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import READ_IT, Holdout, Split
from nextitem.errors import InputError, expect, expect_word

By = Literal["user_entry", "entry", "user"]
Order = Literal["random", "time"]
Rounding = Literal["down", "cumulative", "cumulative_one"]
GIVEN = 0.8  # of a held-out user's interactions may be seen, in a split by user (Liang et al. 2018)
TRAIN, VALID, TEST = 0, 1, 2
ROUNDED: dict[Rounding, str] = {"down": "", "cumulative": ", as ROU", "cumulative_one": ", as RAU"}


def ratio_split(
    dataset: Dataset,
    valid: float = 0.1,
    test: float = 0.1,
    by: By = "user_entry",
    order: Order = "random",
    seed: int = 0,
    rounding: Rounding = "down",
) -> Split:
    """Hold out `valid` and `test`: shares below 1, or whole numbers of interactions (users, in a split by user).

    - `user_entry`: so much of every user. Shares are rounded down; a user whose share comes to nothing still gives
      one, test before validation, as long as one is left to train on (RecStudio's rule). Whole numbers are held out
      in that order too, and leave one.
    - `entry`: so much of all interactions, whoever made them.
    - `user`: so many of the users with two interactions or more; training sees nothing of them. At evaluation a fifth
      of their interactions, rounded down but at least one, are the targets and the rest the history.

    `order` says which are held out: random ones, or with "time" the newest (of the user, of the whole log; which
    users is always random). Training rows, histories and targets stay in time order. At test the validation
    interactions have joined the history.

    `rounding` is of shares of a user (`user_entry`). "down" is RecStudio's, above. "cumulative" is FreeRec's ROU: the
    ends of training and validation are rounded down, so that of 5 interactions, cut at 8/1/1, the parts are 4, 0 and 1.
    "cumulative_one" is its RAU: the same, but training keeps one, then the test and the validation have one.

    Raises:
        InputError: shares that leave nothing to train on, or nothing to test; by entry and time without timestamps.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    for name, word, words in (("by", by, By), ("order", order, Order), ("rounding", rounding, Rounding)):
        expect_word(name, word, words)
    check_amounts(valid, test)
    if rounding != "down" and (by != "user_entry" or valid >= 1):
        raise InputError(f'rounding "{rounding}" is of shares of each user; take kind user_entry and shares below 1')
    rows = dataset.sequences.packed()
    keys = _keys(rows, by, order, np.random.default_rng(seed))
    is_trained = np.ones(len(rows), dtype=bool)
    if by == "user_entry":
        parts = parts_of_rows(rows, keys, *_amounts_of_rows(rows.lengths, valid, test, rounding))
    elif by == "entry":
        parts = largest(keys, *amounts(len(keys), valid, test))
    else:
        user_parts = _parts_of_users(rows, valid, test, seed)
        is_trained = user_parts == TRAIN
        num_targets = np.maximum(floored(rows.lengths, 1 - GIVEN), 1)
        is_target = parts_of_rows(rows, keys, np.zeros_like(num_targets), num_targets) == TEST
        parts = np.where(is_target, user_parts[rows.flat_rows()], TRAIN)
    return assemble(dataset, rows, parts, is_trained, f"{valid:g} / {test:g} by {by}, {order}{ROUNDED[rounding]}")


def _keys(rows: Sequences, by: By, order: Order, rng: np.random.Generator) -> np.ndarray:
    """(N,) what decides who is held out: the largest are, and of equal ones those that come later."""
    if order == "random":
        return rng.random(rows.num_interactions)
    if by != "entry":
        return np.arange(rows.num_interactions)  # rows are in time order
    if rows.timestamps is None:
        raise InputError('a split by entry and time needs timestamps; take order "random", or by "user_entry"')
    return rows.timestamps


def check_amounts(valid: float, test: float) -> None:
    """Raises InputError unless they are two shares that leave something, or two whole numbers."""
    is_share = valid < 1
    if min(valid, test) <= 0 or is_share != (test < 1) or (valid + test >= 1 if is_share else valid % 1 or test % 1):
        raise InputError(
            f"a split holds out two shares that add up to less than 1, or two whole numbers; found {valid} and {test}"
        )


def amounts(total: int, valid: float, test: float) -> tuple[int, int]:
    """How many of `total` are valid and test."""
    if valid >= 1:
        return int(valid), int(test)
    return int(floored(total, valid)), int(floored(total, test))


def _amounts_of_rows(
    lengths: np.ndarray, valid: float, test: float, rounding: Rounding = "down"
) -> tuple[np.ndarray, np.ndarray]:
    """How many of every row are valid and test; one at least stays for training, if shares are rounded down."""
    if rounding != "down":
        train_end, valid_end = floored(lengths, 1 - valid - test), floored(lengths, 1 - test)
        if rounding == "cumulative_one":
            train_end = np.maximum(np.minimum(train_end, lengths - 2), 1)
            valid_end = np.maximum(np.minimum(valid_end, lengths - 1), train_end)
        return valid_end - train_end, np.maximum(lengths - valid_end, 0)
    if valid >= 1:
        num_test = np.clip(lengths - 1, 0, int(test))
        return np.clip(lengths - 1 - num_test, 0, int(valid)), num_test
    num_valid, num_test = floored(lengths, valid), floored(lengths, test)
    for share in (num_test, num_valid):
        share[(share == 0) & (lengths - num_valid - num_test > 1)] = 1
    return num_valid, num_test


def floored(total: np.ndarray | int, share: float) -> np.ndarray:
    # A share that is written 0.1 means a tenth: 30 * 0.1 is 3 although binary floats say 3.0000000000000004 or less.
    return np.floor(np.multiply(total, share) + 1e-9).astype(np.int64)


def largest(keys: np.ndarray, num_valid: int, num_test: int) -> np.ndarray:
    """(N,) parts: the `num_test` largest keys are the test, the next ones the validation."""
    parts = np.full(len(keys), TRAIN)
    by_key = np.argsort(keys, kind="stable")[::-1]  # the largest, and of equal ones the last, come first
    parts[by_key[: num_test + num_valid]] = VALID
    parts[by_key[:num_test]] = TEST
    return parts


def parts_of_rows(rows: Sequences, keys: np.ndarray, num_valid: np.ndarray, num_test: np.ndarray) -> np.ndarray:
    """(N,) parts, with so many (R,) of every row held out."""
    owner = rows.flat_rows()
    num_larger = np.empty(len(keys), dtype=np.int64)  # of the same row; of equal keys the later is larger
    num_larger[np.lexsort((keys, owner))] = rows.stops[owner] - 1 - np.arange(len(keys))
    is_test, is_held = num_larger < num_test[owner], num_larger < (num_test + num_valid)[owner]
    return np.where(is_test, TEST, np.where(is_held, VALID, TRAIN))


def _parts_of_users(rows: Sequences, valid: float, test: float, seed: int) -> np.ndarray:
    long = np.flatnonzero(rows.lengths >= 2)  # a case needs something to see and something to find
    parts = np.full(len(rows), TRAIN)
    keys = np.random.default_rng((seed, 1)).random(len(long))
    parts[long] = largest(keys, *amounts(len(long), valid, test))
    return parts


def assemble(dataset: Dataset, rows: Sequences, parts: np.ndarray, is_trained: np.ndarray, name: str) -> Split:
    """`parts` (N,) of every interaction; rows that are not `is_trained` (R,) are seen at evaluation alone."""
    cut = {part: _before_and_in(rows, parts, part) for part in (VALID, TEST)}
    train = cut[VALID][0]
    train = replace(train, stops=np.where(is_trained, train.stops, train.starts))
    num_repeats = rows.num_repeats()
    holdouts = []
    for history, target in cut.values():
        is_case = target.lengths > 0
        case_users = np.flatnonzero(is_case) + 1
        holdouts.append(
            Holdout(case_users, history.take(is_case), train.take(is_case), target.take(is_case), num_repeats)
        )
    split = Split(name, dataset.num_items, train, holdouts[0], holdouts[1], dataset.side, dataset.kinds)
    sizes = {"train": train.num_interactions, "valid": len(split.valid), "test": len(split.test)}
    empty = [part for part, size in sizes.items() if size == 0]
    if empty:
        raise InputError(f"the split {name} leaves nothing for {', '.join(empty)}; hold out another share")
    return split


def _before_and_in(rows: Sequences, parts: np.ndarray, part: int) -> tuple[Sequences, Sequences]:
    """Every row's interactions of the parts before `part`, and those of it, in time order each."""
    owner = rows.flat_rows()
    side = np.sign(parts - part)
    order = np.lexsort((side, owner))  # stable
    arranged = rows.arranged(order)
    middle = rows.starts + np.bincount(owner[side < 0], minlength=len(rows))
    end = middle + np.bincount(owner[side == 0], minlength=len(rows))
    return replace(arranged, stops=middle), replace(arranged, starts=middle, stops=end)
