"""Checking: what a reader makes of a file, and what in it is legal but odd."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nextitem.data.exact import parquet_names, scan_parquet
from nextitem.data.formats.atomic_header import without_type
from nextitem.data.formats.checkins import FOURSQUARE, GOWALLA
from nextitem.data.formats.files import check_file, first_lines, is_gzip, is_parquet, scan_lines
from nextitem.data.formats.headerless import (
    ITEM_RATINGS,
    MOVIELENS,
    RATINGS,
    SPACED_TIMES,
    movielens_layout,
    spaced_ratings_places,
)
from nextitem.data.formats.json_lines import json_keys
from nextitem.data.formats.places import header_places
from nextitem.data.formats.plays import COLUMNS
from nextitem.data.formats.plays import roles as play_roles
from nextitem.data.formats.quoting import Quote, has_quotes
from nextitem.data.formats.reading import FORMATS, read, sniff
from nextitem.data.formats.roles import Roles, find_roles, plain
from nextitem.data.formats.sessions import YOOCHOOSE
from nextitem.data.formats.steam import KEYS
from nextitem.data.formats.tables import dialect_of, header_separator
from nextitem.data.formats.tags import ROLES as HETREC
from nextitem.data.formats.times import milliseconds_note
from nextitem.data.formats.tmall import ROLES as TMALL
from nextitem.data.frames import collected

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
    times: str  # what the file has: seconds, milliseconds, dates, none
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
    log = read(path, format=format, separator=separator, quote=quote, **dict(asked.names()))
    table = collected(log.frame).to_polars()
    names = _columns(path, format, separator, asked, quote)
    has_times = "timestamp" in table.columns
    is_changed = milliseconds_note(path.name) in log.notes
    times = "none" if not has_times else "milliseconds" if is_changed else _times(path, format, separator, names, quote)
    said = [note for note in log.notes if note != milliseconds_note(path.name)]
    return Understood(
        format,
        why,
        "Parquet" if is_parquet(path) else "gzip" if is_gzip(path) else "none",
        tuple(names.items()),
        len(table),
        table["user"].n_unique(),
        table["item"].n_unique(),
        (float(table["timestamp"].min()), float(table["timestamp"].max())) if has_times else None,  # type: ignore[arg-type]
        times,
        table.drop("row").head(3),
        (*said, *_letters(path, format, separator, quote), *_warnings(table, times, now)),
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
        asked = Roles(**{role: without_type(column) for role, column in asked.names()})
    roles: dict[str, list[str]] = {}
    for role, column in find_roles(list(bare), asked, path.name).names():
        roles.setdefault(column, []).append(role)
    return {name: " and ".join(roles.get(short, ["-"])) for short, name in bare.items()}


def _times(path: Path, format: str, separator: str | None, names: dict[str, str], quote: Quote) -> str:
    """What the times of a file are, none of which was changed from milliseconds; told by the first."""
    if format in TIMES:
        return TIMES[format]
    place = next(place for place, role in enumerate(names.values()) if "timestamp" in role)
    if is_parquet(path):
        raw = scan_parquet(path).select(list(names)[place]).head(1).collect().item()
    elif format == "jsonl":
        raw = json.loads(_first_line(path)).get(list(names)[place])
    elif format.startswith("spaced-"):
        raw = _first_line(path).split()[place]
    elif format in LAYOUTS:
        layout = movielens_layout(path) if format == "movielens" else LAYOUTS[format]
        raw = _first_line(path).split(layout.separator)[place]
    else:
        raw = _head(path, format, separator, quote)[:, place][0]
    try:
        float(raw)
    except (TypeError, ValueError):
        return "dates"
    return "seconds"


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


def _warnings(table: pl.DataFrame, times: str, now: float) -> list[str]:
    found = []
    if times == "none":
        found.append("there are no timestamps: the order of the file is taken for the order of time")
    else:
        late = table.filter(pl.col("timestamp") > now)
        if len(late):
            found.append(
                f"{len(late):,} of {len(table):,} times lie in the future, such as {late['timestamp'][0]:.15g}; "
                "are all of them in one unit?"
            )
    if times == "milliseconds":
        found.append("times are in milliseconds; they were turned to seconds")
    if times == "dates":
        found.append("times are dates; they were turned to seconds since 1970, in UTC where no zone is named")
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
