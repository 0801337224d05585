"""Dated sequences: a session a line, its id, its date and its items, as shops keep them without a header."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.fields import to_interactions
from nextitem.data.sources.formats.files import lines
from nextitem.data.sources.formats.format import Format, Head, Reading, fixed
from nextitem.data.sources.formats.places import MEND, refuse_header, refuse_other_counts
from nextitem.data.sources.formats.white_space import are_times

NAME = "dated-sequences"
LAYOUT = "session, date and items, split by tabs, the items by spaces, commas, ; or |"
DATE = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d\b.*")
ITEMS = re.compile(r"[\w.:-]+(?:,[\w.:-]+)*|[\w.:-]+(?:[;|][\w.:-]+)*|\d+(?: \d+)*")  # titles hold letters and spaces


def read_dated_sequences(path: Path) -> Reading:
    """`id<TAB>date<TAB>item item ..` a line, oldest first; the session is the user, and all its items have its date."""
    table = lines(path).with_columns(fields=pl.col("text").str.split("\t"))
    refuse_header(table, path, NAME)
    refuse_other_counts(table, path, NAME, LAYOUT, 3, 3)
    user, date, items = (pl.col("fields").list.get(place) for place in range(3))
    table = table.select("line", user=user, timestamp=date, item=items.str.extract_all(r"[^ ,;|]+"))
    # A line without items has one that is missing, which is refused by its line.
    log = to_interactions(table.explode("item", empty_as_null=True), path, MEND)
    return Reading(log, (("field 1", "user"), ("field 2", "timestamp"), ("field 3", "item ..")))


def _are_dated_sequences(head: Head) -> bool:
    """Whether each session stands in one line, and some have several items."""
    rows = [line.split("\t") for line in head.lines]
    if any(len(row) != 3 for row in rows):
        return False
    ids, dates, items = (tuple(column) for column in zip(*rows, strict=True))
    have_times = all(DATE.fullmatch(date) for date in dates) or are_times(dates)
    have_lists = all(ITEMS.fullmatch(one) for one in items) and any(re.search(r"[ ,;|]", one) for one in items)
    return have_times and have_lists and len(set(ids)) == len(ids)


DATED_SEQUENCES = Format(
    NAME,
    "session, date and items a line, split by tabs",
    fixed(read_dated_sequences),
    _are_dated_sequences,
)
