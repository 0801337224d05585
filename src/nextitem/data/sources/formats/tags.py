"""Tags: HetRec 2011's Last.fm, who tagged which artist when."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.places import MEND, headed_layout, read_places
from nextitem.data.sources.formats.roles import plain

ROLES = {"userid": "user", "artistid": "item", "tagid": "-", "timestamp": "timestamp"}


def is_tags(found: list[str]) -> bool:
    return [plain(name) for name in found[0].split("\t")] == list(ROLES)


def read_tags(path: Path) -> Interactions:
    """`userID artistID tagID timestamp` under a header of these names, split by tabs; times are milliseconds.

    https://grouplens.org/datasets/hetrec-2011/, user_taggedartists-timestamps.dat. Four of its 186,479 rows are dated
    1956 and 1957. Such rows, from before 1970, are left out, and said.

    Raises:
        InputError: a column is missing, a line has another number of fields, or a time is no number.
    """
    table = read_places(path, headed_layout(path, "hetrec", "\t", ROLES))
    table = table.with_columns(numbered(table, "timestamp", path, "a number of milliseconds", MEND))
    dated = table.filter(pl.col("timestamp") >= 0)
    notes: tuple[str, ...] = ()
    if wrong := len(table) - len(dated):
        notes = (f"{wrong:,} of {len(table):,} rows of {path.name} are dated before 1970; they were left out",)
    return to_interactions(dated, path, MEND, notes)
