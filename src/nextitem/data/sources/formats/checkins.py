"""Check-ins: who was where when. SNAP's Gowalla, and Foursquare's New York and Tokyo; the place is the item."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from nextitem.data.sources.formats.fields import numbered, to_interactions
from nextitem.data.sources.formats.format import Format, Head, Reading, fixed
from nextitem.data.sources.formats.places import MEND, Layout, read_places
from nextitem.data.sources.formats.times import dates

GOWALLA_LAYOUT = Layout(
    "gowalla",
    ("user", "timestamp", "-", "-", "item"),
    "\t",
    "user, time, latitude, longitude and place, split by tabs",
)
FOURSQUARE_LAYOUT = Layout(
    "foursquare",
    ("user", "item", "-", "-", "-", "-", "-", "timestamp"),
    "\t",
    "user, venue, category and its name, latitude, longitude, offset and time, split by tabs",
    encoding="latin-1",
)
FOURSQUARE_TIME = "%a %b %d %H:%M:%S %z %Y"
DEGREES = r"-?\d[\d.]*"
GOWALLA_LINE = re.compile(rf"[^\t]+\t\d{{4}}-\d\d-\d\dT[\d:]{{8}}Z\t{DEGREES}\t{DEGREES}\t[^\t]+")
FOURSQUARE_LINE = re.compile(
    rf"[^\t]+\t[^\t]+\t[^\t]*\t[^\t]*\t{DEGREES}\t{DEGREES}\t-?\d+\t\w{{3}} \w{{3}} \d\d [\d:]{{8}} \+\d{{4}} \d{{4}}"
)


def _is_gowalla(head: Head) -> bool:
    return all(GOWALLA_LINE.fullmatch(line) for line in head.lines)


def _is_foursquare(head: Head) -> bool:
    return all(FOURSQUARE_LINE.fullmatch(line) for line in head.lines)


def read_gowalla(path: Path) -> Reading:
    """`user time latitude longitude place` a line, split by tabs, a user's newest first.

    https://snap.stanford.edu/data/loc-gowalla.html, 6.4 million lines: `22847<tab>2010-10-19T23:55:27Z<tab>30.2..`
    """
    return Reading(to_interactions(read_places(path, GOWALLA_LAYOUT), path, MEND), GOWALLA_LAYOUT.columns)


def read_foursquare(path: Path) -> Reading:
    """Eight fields a line, split by tabs; the last is the time in UTC, `Tue Apr 03 18:00:09 +0000 2012`.

    Yang et al. 2015 (dataset_TSMC2014_NYC.txt and _TKY.txt). The files are Latin-1, as `Café` among the categories
    shows. The offset to local time is not read.
    """
    table = read_places(path, FOURSQUARE_LAYOUT)
    parse = partial(dates, form=FOURSQUARE_TIME)
    times = numbered(table, "timestamp", path, "a time such as Tue Apr 03 18:00:09 +0000 2012", MEND, parse)
    return Reading(to_interactions(table.with_columns(times), path, MEND), FOURSQUARE_LAYOUT.columns, times="dates")


GOWALLA = Format(
    "gowalla", "SNAP's check-ins, user time latitude longitude place, split by tabs", fixed(read_gowalla), _is_gowalla
)
FOURSQUARE = Format(
    "foursquare",
    "check-ins in New York and Tokyo, eight fields split by tabs, Latin-1",
    fixed(read_foursquare),
    _is_foursquare,
    encoding="latin-1",
)
