"""What splits leak, side by side: by hand, and every kind of split in one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.splits.split import leave_one_out
from nextitem.data.splits.timed import at_time
from nextitem.data.synthetic import dataset_of
from nextitem.diagnosis.leaks import leak_table, leaks_of


def timed(rows: list[list[int]], times: list[int]) -> Dataset:
    data = dataset_of(rows)
    return replace(data, sequences=replace(data.sequences, timestamps=np.array(times)))


def test_leaks_of_leave_one_out_by_hand() -> None:
    """4 comes before the training interactions at 5 and 6, 1 at 8 after all; only 1 is trained on."""
    leaks = leaks_of(leave_one_out(timed([[1, 2, 3, 4], [2, 1, 5, 1]], [1, 2, 3, 4, 5, 6, 7, 8])), "leave_one_out")
    assert (leaks.users, leaks.cases, leaks.targets, leaks.seen_before, leaks.never_trained) == (2, 2, 2, 1, 1)
    assert (leaks.unknown_items, leaks.unknown_users) == (0.5, 0.0)
    assert leaks.before_training == 0.5
    assert leaks.later_training == (2 / 4 + 0) / 2
    assert leaks.future == 2 / 4


def test_leaks_of_a_time_for_all_by_hand() -> None:
    """From 5 on is the test: 3, 6 and 3 of user 2, who is new, as is 6."""
    data = timed([[1, 2, 3, 4, 5], [3, 6, 3]], [1, 2, 3, 4, 5, 6, 7, 8])
    leaks = leaks_of(at_time(data, 4, 5), "at_time")
    assert (leaks.users, leaks.cases, leaks.targets, leaks.seen_before) == (2, 2, 4, 0)
    assert leaks.unknown_items == 2 / 3  # of 3, 5 and 6
    assert leaks.unknown_users == 1 / 2
    assert (leaks.before_training, leaks.later_training, leaks.future) == (0.0, 0.0, 0.0)


def test_every_kind_of_split_is_in_the_table() -> None:
    """Thirty users come every fourth day, six times, on one of five days."""
    rows = [[(7 * user + 3 * place) % 30 + 1 for place in range(6)] for user in range(30)]
    days = [4 * place + user % 5 for user in range(30) for place in range(6)]
    table, reasons = leak_table(timed(rows, [86_400 * day for day in days]))
    assert [one.keys for one in table] == [
        *("leave_one_out", "user_entry, random", "user_entry, time", "entry, random", "entry, time", "user, random"),
        *("cold_items", "at_time", "at_time, first", "at_time, last", "at_time, random", "at_time, each", "late_users"),
    ]
    assert reasons == []
    leaks = {one.keys: one for one in table}
    assert leaks["at_time"].future == 0.0
    assert leaks["cold_items"].unknown_items == 1.0
    assert leaks["user, random"].unknown_users == 1.0
    assert all(leaks[f"at_time, {one}"].cases <= leaks["at_time, each"].cases for one in ("first", "last", "random"))


def test_without_times_it_is_said_once_which_splits_there_are_not() -> None:
    data = dataset_of([[1, 2, 3, 4, 5]] * 12)
    table, reasons = leak_table(replace(data, parts=np.array([0, 0, 0, 1, 2] * 12, dtype=np.int8)))
    assert {one.keys for one in table} >= {"leave_one_out", "entry, random", "given"}
    assert all(one.future is None for one in table)
    assert len(reasons) == len(set(reasons))
    assert any("needs timestamps" in reason for reason in reasons)
