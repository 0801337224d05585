"""Formats: which of the known forms a file has, and its one reader."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.attributes import item_attributes_beside
from nextitem.data.sources.formats.checkins import is_foursquare, is_gowalla, read_foursquare, read_gowalla
from nextitem.data.sources.formats.files import HEAD_BYTES, check_file, first_lines, is_parquet
from nextitem.data.sources.formats.headerless import (
    read_item_ratings,
    read_movielens,
    read_pairs,
    read_ratings,
    read_sequences,
    read_spaced_ratings,
    read_spaced_times,
)
from nextitem.data.sources.formats.json_lines import json_keys, read_json_lines
from nextitem.data.sources.formats.plays import is_plays, read_plays
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.roles import NONE, Roles, looks_like_header
from nextitem.data.sources.formats.sessions import is_diginetica, read_diginetica, read_yoochoose
from nextitem.data.sources.formats.steam import is_steam, read_steam
from nextitem.data.sources.formats.tables import SEPARATORS, header_separator, read_atomic, read_table
from nextitem.data.sources.formats.tags import is_tags, read_tags
from nextitem.data.sources.formats.tmall import is_tmall, read_tmall
from nextitem.data.sources.formats.white_space import are_times, tell
from nextitem.errors import InputError, suggest

FORMATS = {
    "atomic": "RecBole's .inter, a header of name:type",
    "movielens": "u.data or ratings.dat, user item rating timestamp",
    "pairs": "user item a line, in time order",
    "sequences": "user item item .. a line, in time order",
    "spaced-ratings": "user item rating, or user item rating timestamp, split by white space",
    "spaced-times": "user item timestamp, split by white space",
    "ratings": "Amazon 2014's CSV without a header, user,item,rating,timestamp",
    "item-ratings": "Amazon 2018's CSV without a header, item,user,rating,timestamp",
    "table": "CSV, TSV or Parquet with named columns",
    "jsonl": "a JSON object a line, such as Amazon's reviews",
    "diginetica": "CIKM Cup 2016, session_id;user_id;item_id;timeframe;eventdate",
    "yoochoose": "RecSys Challenge 2015, session,date,item,category without a header",
    "gowalla": "SNAP's check-ins, user time latitude longitude place, split by tabs",
    "foursquare": "check-ins in New York and Tokyo, eight fields split by tabs, Latin-1",
    "lastfm-1k": "plays, user time artist-id artist track-id track, split by tabs",
    "steam": "SASRec's reviews, a Python dict a line with username, product_id and date",
    "hetrec": "Last.fm's tags, userID artistID tagID timestamp, split by tabs",
    "tmall": "IJCAI-15's log, a CSV whose time_stamp is the month and day of 2014",
}
WITHOUT_NAMES = {
    "movielens": read_movielens,
    "pairs": read_pairs,
    "sequences": read_sequences,
    "spaced-ratings": read_spaced_ratings,
    "spaced-times": read_spaced_times,
    "ratings": read_ratings,
    "item-ratings": read_item_ratings,
    "diginetica": read_diginetica,
    "yoochoose": read_yoochoose,
    "gowalla": read_gowalla,
    "foursquare": read_foursquare,
    "steam": read_steam,
    "hetrec": read_tags,
    "tmall": read_tmall,
}
# Layouts that are told by every one of the first lines, whatever the file is called.
PUBLISHED = {
    "gowalla": is_gowalla,
    "foursquare": is_foursquare,
    "lastfm-1k": is_plays,
    "hetrec": is_tags,
    "tmall": is_tmall,
}
BRACKETS = ("{", "[")  # of JSON, or of a Python literal
# Without quotes, which would become a part of the ids.
CLICK = re.compile(r'[^,"]+,\d{4}-\d\d-\d\dT[^,"]+,[^,"]+,[^,"]*')
RATING = re.compile(r'[^,"]+,[^,"]+,[\d.]+,\d+')
# Amazon's items have ten characters; its users begin with A and have more, for most lines.
ITEM_RATING = re.compile(r"[0-9A-Z]{10},A[0-9A-Z]{10,20},[\d.]+,\d+")
ATOMIC_FIELD = re.compile(r"[^:\t]+:(token|token_seq|float|float_seq)")


def read(
    path: Path,
    *,
    format: str = "auto",
    user: str | None = None,
    item: str | None = None,
    timestamp: str | None = None,
    rating: str | None = None,
    separator: str | None = None,
    quote: Quote = "auto",
    time_format: str | None = None,
) -> Interactions:
    """Read a log, gzipped or not. `format` is one of FORMATS, or "auto": what `sniff` says.

    `user`, `item`, `timestamp`, `rating` name columns of an "atomic" file, a "table" or "jsonl"; those not named are
    found among common spellings. Of "lastfm-1k" the item may be named, one of `plays.COLUMNS`. Without timestamps (and
    with `timestamp="none"`) the order of the file is the order of time; `rating="none"` leaves ratings out.
    `time_format` is that of dates in a table, as strptime has it. Ids of text files are strings. `quote` says of a
    text "table" whether quotes hold fields together, "double", or are letters, "none"; `quoting.quote_char` tells by
    the file.

    Raises:
        InputError: the file breaks a rule of its format; the message names the file and the line.
    """
    if format not in ("auto", *FORMATS):
        raise InputError(f'format "{format}" is not known; {suggest(format, ["auto", *FORMATS])}')
    if format == "auto":
        format = sniff(path) if separator is None else "table"
    asked = Roles(user, item, timestamp, rating, time_format)
    if separator is not None and format != "table":
        raise InputError(f'only "table" takes a separator, found {separator!r} for "{format}"; leave it out')
    if format == "table":
        return read_table(path, asked, separator, quote)
    if quote != "auto":
        raise InputError(f'only "table" takes a quote, found {quote} for "{format}"; leave it out')
    if format == "atomic":
        return read_atomic(path, asked)
    if format == "jsonl":
        return read_json_lines(path, asked)
    if format == "lastfm-1k" and time_format is None and {role for role, _ in asked.names()} <= {"item"}:
        return _without(read_plays(path, item), asked)
    if told := [*asked.names(), *([] if time_format is None else [("time_format", time_format)])]:
        role, column = told[0]
        raise InputError(
            f'{path.name} is read as "{format}", which has fixed columns, found {role}="{column}"; '
            "leave it out, or name another --data.format"
        )
    return _without(WITHOUT_NAMES[format](path), asked)


def _without(log: Interactions, asked: Roles) -> Interactions:
    """Without the columns that are asked to be left out, of a layout with fixed ones."""
    if asked.rating == NONE and log.has_ratings:
        log = replace(log, frame=log.frame.drop("rating"))
    if asked.timestamp == NONE and log.has_timestamps:
        log = replace(log, frame=log.frame.drop("timestamp"), time_unit="s", time_source="none")
    return log


def sniff(path: Path) -> str:
    """The format of a file, by its name and first lines.

    Raises:
        InputError: the file is missing or empty, or the format cannot be told.
    """
    check_file(path)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".inter"):
        return "atomic"
    if name in ("u.data", "ratings.dat"):
        return "movielens"
    if name.endswith(".parquet") or is_parquet(path):
        return "table"
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    found = first_lines(path)
    if not found:
        raise InputError(f"{path} is empty: it has no line with text")
    if is_diginetica(found[0].split(header_separator(path))):
        return "diginetica"
    if format := next((format for format, is_one in PUBLISHED.items() if is_one(found)), None):
        return format
    if name.endswith((".csv", ".tsv")):
        return _sniff_ratings(found) or "table"
    if format := _sniff_text(found):
        return format
    # A user's next line, or a line of another width, may stand far below the first ones.
    told = tell([] if found[0].startswith(BRACKETS) else first_lines(path, count=HEAD_BYTES))
    if told.format is not None:
        return told.format
    if "sequences" in told.may_be and item_attributes_beside(path) is not None:
        return "sequences"  # S3-Rec's, as what stands beside it
    forms = "; ".join(f"{one} ({FORMATS[one]})" for one in told.may_be or FORMATS)
    reason = "has more than one reading" if told.may_be else "cannot be told"
    raise InputError(
        f"the format of {path} {reason}; its first line is '{found[0][:80]}'. Name it with --data.format: {forms}"
    )


def _sniff_ratings(found: list[str]) -> str | None:
    """Of the forms without a header that are split by commas."""
    if all(CLICK.fullmatch(line) for line in found):
        return "yoochoose"
    if all(ITEM_RATING.fullmatch(line) for line in found):
        return "item-ratings"
    if not all(RATING.fullmatch(line) for line in found):
        return None
    third, fourth = (tuple(line.split(",")[place] for line in found) for place in (2, 3))
    return "ratings" if not are_times(third) or are_times(fourth) else None  # else a time, then a rating


def _sniff_text(found: list[str]) -> str | None:
    if found[0].startswith(BRACKETS):
        return "jsonl" if json_keys(found) else "steam" if is_steam(found) else None
    header = found[0].split("\t")
    if all(ATOMIC_FIELD.fullmatch(field.strip()) for field in header):
        return "atomic"
    if all(line.count("::") == 3 for line in found):
        return "movielens"
    if any(looks_like_header(found[0].split(separator)) for separator in SEPARATORS if separator in found[0]):
        return "table"
    return _sniff_ratings(found)
