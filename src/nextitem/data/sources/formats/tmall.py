"""Tmall: the log of IJCAI-15's contest, user_log_format1.csv; its times are days without a year."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.format import Format, Head, Reading, fixed
from nextitem.data.sources.formats.places import MEND, headed_layout, read_places
from nextitem.data.sources.formats.roles import plain
from nextitem.data.sources.formats.times import dates

YEAR = "2014"
UNREAD = dict.fromkeys(("catid", "sellerid", "brandid"), "-")
ROLES = {"userid": "user", "itemid": "item", **UNREAD, "timestamp": "timestamp", "actiontype": "-"}
FIRST_DAY, LAST_DAY = 511, 1112  # of the contest, MMDD


def read_tmall(path: Path) -> Reading:
    """`user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type` under a header of these names.

    `time_stamp` is the month and the day of 2014, MMDD, perhaps without the leading zero; the time is the start of
    that day in UTC, and within a day the order of the file stands. All actions are read: clicks (0), carts (1),
    purchases (2), favourites (3).

    Raises:
        InputError: a column is missing, a line has another number of fields, or a time is no day of 2014.
    """
    layout = headed_layout(path, "tmall", ",", ROLES)
    table = read_places(path, layout)
    times = numbered(table, "timestamp", path, f"a month and a day of {YEAR}, MMDD", MEND, _days)
    log = to_interactions(table.with_columns(times), path, MEND)
    return Reading(log, layout.columns, times="month and day, of 2014")


def _days(text: pl.Series) -> pl.Series:
    """
    >>> _days(pl.Series(["0511", "511", "1111", "0229", "132"])).to_list()
    [1399766400.0, 1399766400.0, 1415664000.0, None, None]
    """
    day = text.str.strip_chars()
    is_day = day.str.contains(r"^[0-9]{3,4}$")
    return dates((YEAR + day.str.zfill(4)).set(~is_day, None), "%Y%m%d")


def _is_tmall(head: Head) -> bool:
    """By the header and the times: another contest has the same header, and counts days from 1 to 365."""
    names = [plain(name) for name in head.lines[0].split(",")]
    if names != list(ROLES):
        return False
    place = names.index("timestamp")
    days = [line.split(",")[place] for line in head.lines[1:] if line.count(",") >= place]
    return all(re.fullmatch(r"\d{3,4}", day) and FIRST_DAY <= int(day) <= LAST_DAY for day in days)


TMALL = Format(
    "tmall",
    "IJCAI-15's log, a CSV whose time_stamp is the month and day of 2014",
    fixed(read_tmall),
    _is_tmall,
    has_header=True,
)
