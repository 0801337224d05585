"""Impressions of MIND, and NineRec's pairs with the item first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.sources.formats.roles import Roles
from nextitem.errors import InputError

Write = Callable[[str, str], Path]
# 2019-11-10 is day 18,210 since 1970: 18,210 * 86,400 = 1,573,344,000; 09:05:58 of the next day is 32,758 s.
FIRST, SECOND, THIRD = 1_573_344_000, 1_573_344_000 + 86_400 + 32_758, 1_573_344_000 + 2 * 86_400 + 65_490
LOG = (
    "1\tU1\t11/11/2019 9:05:58 AM\tN1 N2\tN3-1 N4-0 N5-1\n"
    "2\tU2\t11/12/2019 6:11:30 PM\t\tN1-0 N2-1\n"
    "3\tU1\t11/10/2019 12:00:00 AM\tN1\tN9-1 N7-0\n"
    "4\tU3\t11/10/2019 12:00:00 AM\tN1 N8\tN7-0\n"
)


def columns(log: Interactions) -> dict[str, list[object]]:
    frame = log.frame.drop("row")
    return {name: frame[name].to_list() for name in frame.columns}


@pytest.mark.parametrize("name", ["behaviors.tsv", "x.txt.gz"])
def test_clicks_are_interactions_at_the_time_of_their_impression(write: Write, name: str) -> None:
    path = write(name, LOG)
    log = read(path)
    assert sniff(path) == "mind"
    assert columns(log) == {
        "user": ["U1", "U1", "U2", "U1"],
        "item": ["N3", "N5", "N2", "N9"],
        "timestamp": [SECOND, SECOND, THIRD, FIRST],
    }
    assert "nor the histories, which have no times; --data.timestamp none puts these first" in log.notes[0]


def test_without_times_histories_come_before_clicks_in_their_order(write: Write) -> None:
    """Of U1 the history of the impression that was first, which has no N2."""
    log = read(write("behaviors.tsv", LOG), timestamp="none")
    assert columns(log) == {
        "user": ["U1", "U3", "U3", "U1", "U1", "U1", "U2"],
        "item": ["N1", "N1", "N8", "N9", "N3", "N5", "N2"],
    }
    assert log.notes[0] == "clicks of the histories of behaviors.tsv, which have no times, come first: 3"


def test_check_says_what_is_read(write: Write) -> None:
    found = check(write("behaviors.tsv", LOG), 2e9)
    assert [role for _, role in found.columns] == ["-", "user", "timestamp", "-", "item"]
    assert found.times == "dates"


BAD = [
    ("5\tU1\t11/11/2019 9:05:58 AM\tN1\tN3 N4\n", r"line 5: news are written N1-1 .*found 'N3'.*MIND-large has no"),
    ("5\tU1\t11/11/2019 9:05:58 AM\tN1\t\n", "line 5: .*found 'nothing'"),
    ("5\tU1\t11/11/2019 9:05:58 AM\tN1\tN3-2\n", "line 5: .*found 'N3-2'"),
    ("5\tU1\t2019-11-11 09:05:58\tN1\tN3-1\n", "line 5: timestamp must be a time such as 11/15/2019 8:36:57 AM"),
    ("5\t\t11/11/2019 9:05:58 AM\tN1\tN3-1\n", "line 5: the user is empty"),
    ("5\tU1\t11/11/2019 9:05:58 AM\tN3-1\n", "line 5: mind needs impression, user, time, history and news"),
]


@pytest.mark.parametrize(("line", "words"), BAD)
def test_a_bad_line_is_named_or_left_out(write: Write, line: str, words: str) -> None:
    path = write("behaviors.tsv", LOG + line)
    with pytest.raises(InputError, match=words):
        read(path, format="mind")
    log = read(path, format="mind", bad_lines="skip")
    assert columns(log) == columns(read(write("good.tsv", LOG)))


def test_check_says_what_comes_first_where_there_are_no_times(write: Write) -> None:
    found = check(write("behaviors.tsv", LOG), 2e9, columns=Roles(timestamp="none"))
    order = "the order of the histories and then of the clicks by their times"
    assert f"there are no timestamps: {order} is taken for the order of time" in found.warnings
    assert found.order == order


def test_a_log_without_a_click_is_empty(write: Write) -> None:
    with pytest.raises(InputError, match=r"behaviors\.tsv is empty: it has no interaction"):
        read(write("behaviors.tsv", "1\tU1\t11/11/2019 9:05:58 AM\tN1\tN3-0\n"))


def test_pairs_of_ninerec_have_the_item_first_and_that_is_said(write: Write) -> None:
    """By the name alone: under another name the user is first."""
    text = "v7,u1,1669704131\nv7,u2,1669704132\nv8,u1,1669704133\n"
    log = read(write("QB_pair.csv", text))
    assert columns(log)["user"] == ["u1", "u2", "u1"]
    assert columns(log)["item"] == ["v7", "v7", "v8"]
    assert log.notes[0].endswith("--data.format times has the user first")
    assert sniff(write("QB_pairs.csv", text)) == "times"
    assert columns(read(write("QB_pair.csv", text), format="times"))["user"] == ["v7", "v7", "v8"]
