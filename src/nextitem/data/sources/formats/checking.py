"""Checking: what a reader makes of a file, and what in it is legal but odd."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nextitem.data.log.exact import parquet_names
from nextitem.data.log.frames import collected
from nextitem.data.log.units import PER_SECOND, WORDS, TimeUnit, number_notes, ticks
from nextitem.data.sources.formats.atomic_header import without_type
from nextitem.data.sources.formats.checkins import FOURSQUARE, GOWALLA
from nextitem.data.sources.formats.files import check_file, first_lines, is_gzip, is_parquet, scan_lines
from nextitem.data.sources.formats.headerless import (
    ITEM_RATINGS,
    MOVIELENS,
    RATINGS,
    SPACED_TIMES,
    spaced_ratings_places,
)
from nextitem.data.sources.formats.json_lines import json_keys
from nextitem.data.sources.formats.places import header_places
from nextitem.data.sources.formats.plays import COLUMNS
from nextitem.data.sources.formats.plays import roles as play_roles
from nextitem.data.sources.formats.quoting import Quote, has_quotes
from nextitem.data.sources.formats.reading import FORMATS, read, sniff
from nextitem.data.sources.formats.roles import Roles, find_roles, plain
from nextitem.data.sources.formats.sessions import YOOCHOOSE
from nextitem.data.sources.formats.steam import KEYS
from nextitem.data.sources.formats.tables import dialect_of, header_separator
from nextitem.data.sources.formats.tags import ROLES as HETREC
from nextitem.data.sources.formats.times import untimed_note
from nextitem.data.sources.formats.tmall import ROLES as TMALL

# Of the forms that have no names for them; "-" is not read.
LAYOUTS = {one.name: one for one in (MOVIELENS, RATINGS, ITEM_RATINGS, YOOCHOOSE, GOWALLA, FOURSQUARE)}
PLACES = {
    "pairs": ("user", "item"),
    "sequences": ("user", "item .."),
    "spaced-times": SPACED_TIMES,
    **{name: layout.places for name, layout in LAYOUTS.items()},
}
TIMES = {  # where the first one does not tell
    "diginetica": "a date and milliseconds within it",
    "tmall": "month and day, of 2014",
    **dict.fromkeys(("foursquare", "lastfm-1k", "steam"), "dates"),
}
HEADED = {"hetrec": HETREC, "tmall": TMALL}
DIGINETICA = {"sessionid": "user", "itemid": "item", "timeframe": "timestamp", "eventdate": "timestamp"}


@dataclass(frozen=True)
class Understood:
    """A file that breaks no rule."""

    format: str  # of FORMATS
    why: str  # this format
    compression: str
    columns: tuple[tuple[str, str], ...]  # (name or place, role; "-" where it is not read)
    rows: int
    users: int
    items: int
    span: tuple[float, float] | None  # seconds since 1970
    times: str  # what the file has: seconds, milliseconds, microseconds, nanoseconds, dates, none
    time_unit: TimeUnit  # what they are kept in
    first: pl.DataFrame  # three interactions at the most
    warnings: tuple[str, ...]
    log: pl.DataFrame  # user and item of every interaction, for what stands beside them


def check(
    path: Path,
    now: float,
    *,
    format: str = "auto",
    separator: str | None = None,
    columns: Roles | None = None,
    quote: Quote = "auto",
) -> Understood:
    """Read a file as `reading.read` does, and say what was understood. `now`: seconds since 1970.

    Raises:
        InputError: the file breaks a rule; the message names the line.
    """
    asked = columns or Roles()
    check_file(path)
    why = "it was named" if format != "auto" else "a separator was named" if separator is not None else ""
    if not why:
        format = sniff(path)
        why = _why(path, format)
    elif format == "auto":
        format = "table"
    log = read(
        path, format=format, separator=separator, quote=quote,
        user=asked.user, item=asked.item, timestamp=asked.timestamp, rating=asked.rating, time_format=asked.time_format,
    )  # fmt: skip
    table = collected(log.frame).to_polars()
    names = _columns(path, format, separator, asked, quote)
    if not log.has_ratings:
        names = {column: "-" if role == "rating" else role for column, role in names.items()}
    times = TIMES.get(format, log.time_source) if log.has_timestamps else "none"
    said = [note for note in log.notes if note not in (untimed_note(path.name), *number_notes(path.name))]
    return Understood(
        format,
        why,
        "Parquet" if is_parquet(path) else "gzip" if is_gzip(path) else "none",
        tuple(names.items()),
        len(table),
        table["user"].n_unique(),
        table["item"].n_unique(),
        _span(table, log.time_unit) if log.has_timestamps else None,
        times,
        log.time_unit,
        table.drop("row").head(3),
        (*said, *_letters(path, format, separator, quote), *_warnings(table, times, log.time_unit, now)),
        table.select("user", "item"),
    )


def _why(path: Path, format: str) -> str:
    """What `sniff` saw."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".inter", ".jsonl", ".ndjson")):
        return f"by its ending {Path(name).suffix}"
    if name in ("u.data", "ratings.dat"):
        return f"by its name {name}"
    if is_parquet(path):
        return "by its first bytes, PAR1"
    if format in ("table", "atomic", "diginetica", *HEADED):
        return "by its first line, which names columns"
    return f"by its first lines: {FORMATS[format]}"


def _columns(path: Path, format: str, separator: str | None, asked: Roles, quote: Quote) -> dict[str, str]:
    if format in PLACES or format == "spaced-ratings":
        places = PLACES.get(format) or spaced_ratings_places(path)
        return {f"field {place}": role for place, role in enumerate(places, start=1)}
    if format == "steam":
        return dict(KEYS)
    if format == "lastfm-1k":
        return dict(zip(COLUMNS, play_roles(asked.item), strict=True))
    if format in HEADED:
        header = first_lines(path, count=1)[0].split(header_separator(path))
        return dict(zip(header, header_places(header, HEADED[format]), strict=True))
    if format == "jsonl":
        names = json_keys(first_lines(path)) or json_keys([_first_line(path)])
    elif is_parquet(path):
        names = parquet_names(path)
    else:
        names = _head(path, format, separator, quote).columns
    if format == "diginetica":
        return {name: DIGINETICA.get(plain(name), "-") for name in names}
    bare = {without_type(name) if format == "atomic" else name: name for name in names}
    if format == "atomic":
        asked = asked.renamed(without_type)
    roles: dict[str, list[str]] = {}
    for role, column in find_roles(list(bare), asked, path.name).names():
        roles.setdefault(column, []).append(role)
    return {name: " and ".join(roles.get(short, ["-"])) for short, name in bare.items()}


def _span(table: pl.DataFrame, unit: TimeUnit) -> tuple[float, float]:
    """In seconds."""
    first, last = table.select(pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last")).row(0)
    return first / PER_SECOND[unit], last / PER_SECOND[unit]


def _first_line(path: Path) -> str:
    """Of any length."""
    return str(scan_lines(path).head(1).collect()["text"][0])


def _head(path: Path, format: str, separator: str | None, quote: Quote) -> pl.DataFrame:
    """The header and the first row."""
    table = dialect_of(path, format, separator, quote).scan(path)
    return table.filter(~pl.all_horizontal(pl.all().is_null())).head(1).collect()


def _letters(path: Path, format: str, separator: str | None, quote: Quote) -> list[str]:
    """That quotes of a text table were not taken for quoting."""
    if format != "table" or quote != "auto" or is_parquet(path) or not has_quotes(path):
        return []
    if dialect_of(path, format, separator).quote is not None:
        return []
    return ["quotes are taken for letters, since not all of them quote a field; else name --data.quote double"]


def _warnings(table: pl.DataFrame, times: str, unit: TimeUnit, now: float) -> list[str]:
    found = []
    if times == "none":
        found.append("there are no timestamps: the order of the file is taken for the order of time")
    else:
        late = table.filter(pl.col("timestamp") > ticks(now, unit))
        if len(late):
            found.append(
                f"{len(late):,} of {len(table):,} times lie in the future, such as "
                f"{late['timestamp'][0] / PER_SECOND[unit]:.15g}; are all of them in one unit?"
            )
    kept = "kept as they are" if WORDS[unit] == times else f"turned to {WORDS[unit]}"
    if times in WORDS.values() and times != "seconds":
        found.append(f"times are in {times}; they were {kept}")
    if times == "dates":
        found.append(f"times are dates; they were {kept} since 1970, in UTC where no zone is named")
    for role in ("user", "item"):
        if table[role].dtype == pl.String:
            ids = table[role].unique(maintain_order=True)
            spaced = ids.filter(ids != ids.str.strip_chars())
            if len(spaced):
                found.append(
                    f"{len(spaced):,} {role} ids begin or end with a space, such as {spaced[0]!r}; "
                    "they are other ids than those without it"
                )
    return found
