"""Findings: each suspicion is raised by a log that earns it, and not by a plain one."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.opening import open_data
from nextitem.data.splits.ratio import ratio_split
from nextitem.data.splits.split import Leaks, leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.diagnosis.examine import examine
from nextitem.diagnosis.finding import Finding
from nextitem.diagnosis.logs import numbered_lists, numbered_log
from nextitem.diagnosis.suspicions import id_suspicions, rating_suspicions, time_suspicions

NOW = 1_700_000_000.0
PLAIN = {
    "user": ["a", "a", "b", "b"],
    "item": ["x", "y", "x", "z"],
    "timestamp": [1.6e9, 1.6e9 + 7, 1.6e9 + 9, 1.6e9 + 20],
}


def abouts(found: list[Finding]) -> list[str]:
    return [one.about for one in found]


def examined(**columns: list[object]) -> list[Finding]:
    frame = pl.DataFrame({**PLAIN, **columns}, strict=False)
    log = numbered_log(Interactions.from_frame(frame, rating="rating" if "rating" in columns else None))
    return [*id_suspicions(log), *time_suspicions(log, NOW), *rating_suspicions(log)]


def test_a_plain_log_raises_nothing() -> None:
    assert examined() == []


@pytest.mark.parametrize(
    ("columns", "about", "words"),
    [
        ({"item": ["CafÃ©", "y", "x", "z"]}, "mojibake", '1 item ids .* "CafÃ©"'),
        ({"item": ["x", "y", "x ", "z"]}, "spaces around ids", "1 item ids .* 1 ids fewer"),
        ({"user": ["a", "a", "A", "b"]}, "ids that differ by case", '2 user ids .*"A" and "a"'),
        ({"timestamp": [1.0, 2.0, 3.0, 4.0]}, "times are no dates", "from 1 to 4"),
        ({"timestamp": [1.6e9] * 4}, "all times equal", "all 4 interactions"),
        ({"timestamp": [86400.0 * day for day in (18000, 18001, 18002, 18003)]}, "times are whole days", "midnights"),
        ({"timestamp": [1.6e9, 1.6e9 + 1, 1.6e9 + 2, 1.8e9]}, "times in the future", "1 interactions"),
        ({"rating": [1.0] * 4}, "constant ratings", "all 4 ratings are 1"),
    ],
)
def test_a_suspicious_column_is_named(columns: dict[str, list[object]], about: str, words: str) -> None:
    found = [one for one in examined(**columns) if one.about == about]
    assert len(found) == 1, abouts(examined(**columns))
    assert re.search(words, found[0].found)
    assert found[0].why
    assert found[0].way_out


@pytest.mark.parametrize(("factor", "unit"), [(10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")])
def test_finer_times_are_only_suspicious_where_they_are_called_seconds(factor: int, unit: str) -> None:
    times = [1_600_000_000 * factor + one for one in range(3)]
    frame = pl.DataFrame({"user": ["a"] * 3, "item": ["x", "y", "z"], "timestamp": times})
    called = numbered_log(Interactions.from_frame(frame, time_unit="s"))
    (found,) = (one for one in time_suspicions(called, NOW) if one.about == "times are no seconds")
    assert unit in found.found
    told = numbered_log(Interactions.from_frame(frame))
    assert abouts(time_suspicions(told, NOW)) == []


def test_swapped_columns_show_in_the_gaps(real_data: Path) -> None:
    opened, _ = open_data("ml-100k", real_data)
    assert isinstance(opened, Interactions)
    log = numbered_log(opened)
    assert "user and item swapped?" not in abouts(id_suspicions(log))
    frame = opened.frame.to_native()
    swapped = Interactions.from_frame(frame.select(user="item", item="user", timestamp="timestamp"))
    found = [one for one in id_suspicions(numbered_log(swapped)) if one.about.startswith("user and item")]
    assert "people act in bursts" in found[0].found


@pytest.mark.parametrize(("step", "is_suspicious"), [(86_400, False), (3_600, True)])
def test_days_cannot_tell_bursts(step: int, is_suspicious: bool) -> None:
    """Many customers buy an item on one day: where times are days, nothing is less than a day apart."""
    rows = [(user, (3 * user + visit) % 7, 1_600_041_600 + visit * step) for user in range(60) for visit in range(8)]
    log = pl.DataFrame(rows, ["user", "item", "timestamp"], orient="row")
    found = abouts(id_suspicions(numbered_log(Interactions.from_frame(log))))
    assert ("user and item swapped?" in found) == is_suspicious


def test_swapped_columns_show_in_the_counts_without_times() -> None:
    rows = [[item for item in range(2000) if item % 7 != user] for user in range(3)] + [[1], [2]]
    assert "user and item swapped?" in abouts(id_suspicions(numbered_lists(rows)))


@given(
    rows=st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=6), min_size=2, max_size=6), seed=st.integers(0, 9)
)
def test_leaks_are_those_of_each_case_by_itself(rows: list[list[int]], seed: int) -> None:
    dataset = dataset_of(rows)
    for split in (leave_one_out(dataset), ratio_split(dataset, by="user_entry", seed=seed)):
        targets, histories = split.test.target.to_lists(), split.test.history.to_lists()
        seen = [bool(set(target) & set(history)) for target, history in zip(targets, histories, strict=True)]
        trained = {item for row in split.train.to_lists() for item in row}
        untrained = [not set(target) <= trained for target in targets]
        assert split.leaks(split.test) == Leaks(len(targets), sum(seen), sum(untrained))


def test_the_examination_puts_the_serious_first_and_counts_short_users() -> None:
    frame = pl.DataFrame(
        {"user": [1, 1, 1, 2], "item": [1, 2, 1, 1], "timestamp": [1.6e9, 1.6e9 + 1, 1.6e9 + 1, 1.6e9]}
    )
    found = examine(Interactions.from_frame(frame), "log", "made here", NOW).findings
    assert found[0].about == "targets hang on ties"
    assert found[0].severity == "serious"
    assert {"repeated items", "short users"} <= set(abouts(found))


def test_a_prepared_data_set_is_examined_too() -> None:
    found = examine(dataset_of([[1, 2, 3], [1, 2, 3]]), "made", "made here", NOW)
    assert found.measures.interactions == 6
    assert abouts(found.findings) == ["no timestamps"]
    assert any("needs timestamps" in reason for reason in found.unsplit)
