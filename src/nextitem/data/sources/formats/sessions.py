"""Sessions: click logs whose rows belong to a session rather than to a user (Diginetica, YooChoose)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.dialect import Dialect
from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.places import MEND, Layout, read_places
from nextitem.data.sources.formats.quoting import quote_char
from nextitem.data.sources.formats.roles import plain
from nextitem.data.sources.formats.tables import LINE, header_separator, read_text
from nextitem.errors import InputError

YOOCHOOSE = Layout(
    "yoochoose", ("user", "timestamp", "item", "-"), ",", "session, date, item and category, split by commas"
)
DIGINETICA = ("sessionid", "itemid", "timeframe", "eventdate")


def is_diginetica(header: list[str]) -> bool:
    return set(DIGINETICA) <= {plain(column) for column in header}


def read_diginetica(path: Path) -> Interactions:
    """`session_id;user_id;item_id;timeframe;eventdate` of the CIKM Cup 2016.

    The session is the user, since most users are NA. A timestamp is the start of `eventdate` plus `timeframe`, the
    milliseconds since the session's first view: right within a session and between days.
    """
    separator = header_separator(path)
    quote = quote_char(path, separator, way_out="read it with --data.format table")
    table = read_text(path, Dialect(separator, quote))
    columns = {plain(column): column for column in table.columns[1:]}
    if missing := [name for name in DIGINETICA if name not in columns]:
        raise InputError(
            f"{path.name}, line 1: diginetica needs the columns {', '.join(DIGINETICA)}, found no {missing[0]}; "
            "read it with --data.format table"
        )
    names = dict(zip(("user", "item", "timeframe", "eventdate"), DIGINETICA, strict=True))
    fields = (pl.col(columns[name]).alias(role) for role, name in names.items())
    table = table.select(pl.col(LINE).alias("line"), *fields)
    days = numbered(table, "eventdate", path, "a date such as 2016-05-09")
    within = numbered(table, "timeframe", path, "a number of milliseconds")
    times = (days + within / 1000).alias("timestamp")
    return to_interactions(table.with_columns(times).drop("timeframe", "eventdate"), path)


def read_yoochoose(path: Path) -> Interactions:
    """`session,2014-04-07T10:51:09.277Z,item,category` a line, without a header (RecSys Challenge 2015's clicks)."""
    return to_interactions(read_places(path, YOOCHOOSE), path, MEND)
