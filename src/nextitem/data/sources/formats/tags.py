"""Tags: HetRec 2011's Last.fm, who tagged which artist when."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.format import Format, Head, Reading, fixed
from nextitem.data.sources.formats.places import MEND, headed_layout, read_places
from nextitem.data.sources.formats.roles import plain

ROLES = {"userid": "user", "artistid": "item", "tagid": "-", "timestamp": "timestamp"}


def read_tags(path: Path) -> Reading:
    """`userID artistID tagID timestamp` under a header of these names, split by tabs; times are milliseconds.

    https://grouplens.org/datasets/hetrec-2011/, user_taggedartists-timestamps.dat. Four of its 186,479 rows are dated
    1956 and 1957. Such rows, from before 1970, are left out, and said.

    Raises:
        InputError: a column is missing, a line has another number of fields, or a time is no number.
    """
    layout = headed_layout(path, "hetrec", "\t", ROLES)
    table = read_places(path, layout)
    table = table.with_columns(numbered(table, "timestamp", path, "a number of milliseconds", MEND))
    dated = table.filter(pl.col("timestamp") >= 0)
    notes: tuple[str, ...] = ()
    if wrong := len(table) - len(dated):
        notes = (f"{wrong:,} of {len(table):,} rows of {path.name} are dated before 1970; they were left out",)
    return Reading(to_interactions(dated, path, MEND, notes), layout.columns)


def _are_tags(head: Head) -> bool:
    return [plain(name) for name in head.lines[0].split("\t")] == list(ROLES)


TAGS = Format(
    "hetrec",
    "Last.fm's tags, userID artistID tagID timestamp, split by tabs",
    fixed(read_tags),
    _are_tags,
    has_header=True,
)
