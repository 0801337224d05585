"""Sessions: click logs whose rows belong to a session rather than to a user (Diginetica, YooChoose)."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.dialect import Dialect, header_separator
from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.format import UNREAD, Format, Head, Reading, fixed
from nextitem.data.sources.formats.places import MEND, Layout, read_places
from nextitem.data.sources.formats.quoting import quote_char
from nextitem.data.sources.formats.roles import plain
from nextitem.data.sources.formats.tables import LINE, read_text
from nextitem.errors import InputError

CLICKS = Layout(
    "yoochoose", ("user", "timestamp", "item", "-"), ",", "session, date, item and category, split by commas"
)
VIEWS = {"sessionid": "user", "itemid": "item", "timeframe": "timestamp", "eventdate": "timestamp"}
# Without quotes, which would become a part of the ids.
CLICK = re.compile(r'[^,"]+,\d{4}-\d\d-\d\dT[^,"]+,[^,"]+,[^,"]*')


def read_diginetica(path: Path) -> Reading:
    """`session_id;user_id;item_id;timeframe;eventdate` of the CIKM Cup 2016.

    The session is the user, since most users are NA. A timestamp is the start of `eventdate` plus `timeframe`, the
    milliseconds since the session's first view: right within a session and between days.
    """
    separator = header_separator(path)
    quote = quote_char(path, separator, way_out="read it with --data.format table")
    table = read_text(path, Dialect(separator, quote))
    columns = {plain(column): column for column in table.columns[1:]}
    if missing := [name for name in VIEWS if name not in columns]:
        raise InputError(
            f"{path.name}, line 1: diginetica needs the columns {', '.join(VIEWS)}, found no {missing[0]}; "
            "read it with --data.format table"
        )
    names = dict(zip(("user", "item", "timeframe", "eventdate"), VIEWS, strict=True))
    fields = (pl.col(columns[name]).alias(role) for role, name in names.items())
    read = tuple((name, VIEWS.get(plain(name), UNREAD)) for name in table.columns[1:])
    table = table.select(pl.col(LINE).alias("line"), *fields)
    days = numbered(table, "eventdate", path, "a date such as 2016-05-09")
    within = numbered(table, "timeframe", path, "a number of milliseconds")
    times = (days + within / 1000).alias("timestamp")
    log = to_interactions(table.with_columns(times).drop("timeframe", "eventdate"), path)
    return Reading(log, read, times="a date and milliseconds within it")


def read_yoochoose(path: Path) -> Reading:
    """`session,2014-04-07T10:51:09.277Z,item,category` a line, without a header (RecSys Challenge 2015's clicks)."""
    return Reading(to_interactions(read_places(path, CLICKS), path, MEND), CLICKS.columns)


def _is_diginetica(head: Head) -> bool:
    return VIEWS.keys() <= {plain(column) for column in head.header}


def _is_yoochoose(head: Head) -> bool:
    return all(CLICK.fullmatch(line) for line in head.lines)


DIGINETICA = Format(
    "diginetica",
    "CIKM Cup 2016, session_id;user_id;item_id;timeframe;eventdate",
    fixed(read_diginetica),
    _is_diginetica,
    has_header=True,
    has_quotes=True,
)
YOOCHOOSE = Format(
    "yoochoose",
    "RecSys Challenge 2015, session,date,item,category without a header",
    fixed(read_yoochoose),
    _is_yoochoose,
)
