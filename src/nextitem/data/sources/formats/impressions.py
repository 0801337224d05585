"""Impressions: the log of Microsoft's news, MIND's behaviors.tsv; what was clicked of what was shown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.format import UNREAD, Format, Head, Options, Reading
from nextitem.data.sources.formats.places import MEND, Layout, read_places
from nextitem.data.sources.formats.roles import NONE
from nextitem.data.sources.formats.times import dates

NAME = "mind"
TIME = "%m/%d/%Y %I:%M:%S %p"
LAYOUT = Layout(
    NAME,
    ("-", "user", "timestamp", "history", "shown"),
    "\t",
    "impression, user, time, history and news, split by tabs",
)
LINE = re.compile(r"\d+\t[^\t]+\t\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d:\d\d [AP]M\t[^\t]*\t[^\t]*-[01]")
NEWS = r"^\S+-[01]$"


def read_impressions(path: Path, options: Options) -> Reading:
    """`impression user time history news` a line, split by tabs; the news as `N1-0 N2-1`, of which 1 was clicked.

    https://github.com/msnews/msnews.github.io/blob/master/assets/doc/introduction.md. A click is an interaction at the
    time of its impression. The history, earlier clicks without times, is not read; where the timestamps are `none`, the
    history of a user's first impression comes before all clicks, which follow in the order of their times.

    Raises:
        InputError: a line has another number of fields, a time is none, or a news has no label 0 or 1.
    """
    table = read_places(path, LAYOUT)
    times = numbered(table, "timestamp", path, "a time such as 11/15/2019 8:36:57 AM", MEND, _seconds)
    table = table.with_columns(times, pl.col("shown").str.extract_all(r"\S+"))
    _refuse_other_news(table, path)
    clicks = table.explode("shown", empty_as_null=False).filter(pl.col("shown").str.ends_with("-1"))
    clicks = clicks.select("line", "user", "timestamp", item=pl.col("shown").str.strip_suffix("-1"))
    columns = tuple((name, {"shown": "item"}.get(role, role)) for name, role in LAYOUT.columns)
    if options.roles.timestamp == NONE:
        earlier = _histories(table)
        said = f"clicks of the histories of {path.name}, which have no times, come first: {len(earlier):,}"
        log = to_interactions(
            pl.concat([earlier, clicks.sort("timestamp", maintain_order=True).drop("timestamp")]), path
        )
        read = tuple((name, "item" if role == "history" else role) for name, role in columns)
        order = "the order of the histories and then of the clicks by their times"
        return Reading(replace(log, notes=(said, *log.notes)), read, order=order)
    said = (
        f"of {path.name} the clicks are read, not what was shown, nor the histories, which have no times; "
        "--data.timestamp none puts these first"
    )
    read = tuple((name, UNREAD if role == "history" else role) for name, role in columns)
    return Reading(to_interactions(clicks, path, MEND, (said,)), read, times="dates")


def _seconds(text: pl.Series) -> pl.Series:
    """
    >>> _seconds(pl.Series(["11/15/2019 8:36:57 AM", "15/11/2019 8:36:57 AM"])).to_list()
    [1573807017.0, None]
    """
    return dates(text, TIME)


def _refuse_other_news(table: pl.DataFrame, path: Path) -> None:
    """The test of the large data set tells of no click."""
    is_odd = pl.col("shown").list.eval(~pl.element().str.contains(NEWS)).list.any()
    wrong = table.filter(is_odd | (pl.col("shown").list.len() == 0))
    if len(wrong):
        line, shown = wrong.select("line", "shown").row(0)
        found = next((one for one in shown if not re.match(NEWS, one)), "nothing")
        raise LineError(
            f"{path.name}, line {line}: news are written N1-1 where they were clicked and N1-0 where not, found "
            f"'{found[:80]}' (the test of MIND-large has no clicks: take its training and dev); {MEND}",
            wrong.select(place="line", kind=pl.lit("line with a news without a label")),
        )


def _histories(table: pl.DataFrame) -> pl.DataFrame:
    """A row for each news of the history of a user's first impression."""
    first = table.sort("timestamp", maintain_order=True).unique("user", keep="first", maintain_order=True)
    news = pl.col("history").str.extract_all(r"\S+")
    rows = first.with_columns(item=news).filter(pl.col("item").list.len() > 0).explode("item", empty_as_null=False)
    return rows.select("line", "user", "item")


def _are_impressions(head: Head) -> bool:
    return all(LINE.fullmatch(line) for line in head.lines)


IMPRESSIONS = Format(
    NAME, "MIND's behaviors.tsv, impression user time history news, split by tabs", read_impressions, _are_impressions
)
