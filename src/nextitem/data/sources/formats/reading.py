"""Reading: the known formats, which of them a file has, and the one road from a file to its log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from nextitem.data.log.bad_lines import BadLinesRule, LineError
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.where import Where
from nextitem.data.sources.formats.checkins import FOURSQUARE, GOWALLA
from nextitem.data.sources.formats.clean_copies import past_bad_lines
from nextitem.data.sources.formats.dated_sequences import DATED_SEQUENCES
from nextitem.data.sources.formats.files import check_file
from nextitem.data.sources.formats.format import Format, Head, Options, Reading
from nextitem.data.sources.formats.headerless import (
    ITEM_RATINGS,
    ITEM_TIMES,
    LABELS,
    MOVIELENS,
    PAIRS,
    RATINGS,
    SEQUENCES,
    SPACED_RATINGS,
    SPACED_TIMES,
    TIMES,
)
from nextitem.data.sources.formats.impressions import IMPRESSIONS
from nextitem.data.sources.formats.json_lines import JSON_LINES
from nextitem.data.sources.formats.matlab import MATLAB
from nextitem.data.sources.formats.nested import NESTED
from nextitem.data.sources.formats.plays import PLAYS
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.roles import NONE, Roles
from nextitem.data.sources.formats.sessions import DIGINETICA, YOOCHOOSE
from nextitem.data.sources.formats.steam import STEAM
from nextitem.data.sources.formats.tables import ATOMIC_FILE, TABLE
from nextitem.data.sources.formats.tags import TAGS
from nextitem.data.sources.formats.tmall import TMALL
from nextitem.errors import InputError, suggest

BY_SPACE = (PAIRS, SEQUENCES, SPACED_RATINGS, SPACED_TIMES, LABELS)
# In the order of docs/formats.md. A new form is a `Format` beside its reader, a place here and one in `_candidates`.
FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        *(ATOMIC_FILE, MOVIELENS, *BY_SPACE, DATED_SEQUENCES, RATINGS, ITEM_RATINGS, TIMES, ITEM_TIMES),
        *(TABLE, JSON_LINES, NESTED),
        *(DIGINETICA, YOOCHOOSE, GOWALLA, FOURSQUARE, PLAYS, STEAM, TAGS, TMALL, IMPRESSIONS, MATLAB),
    )
}


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
    bad_lines: BadLinesRule = "error",
    where: str | None = None,
) -> Interactions:
    """Read a log, gzipped or not. `format` is one of FORMATS, or "auto": what `sniff` says.

    `user`, `item`, `timestamp`, `rating` name columns of an "atomic" file, a "table" or "jsonl"; those not named are
    found among common spellings. Of "lastfm-1k" the item may be named, one of `plays.COLUMNS`. Without timestamps (and
    with `timestamp="none"`) the order of the file is the order of time; `rating="none"` leaves ratings out.
    `time_format` is that of dates in a table, as strptime has it. Ids of text files are strings. `quote` says of a
    text "table" whether quotes hold fields together, "double", or are letters, "none"; `quoting.quote_char` tells by
    the file. `bad_lines="skip"` leaves out the lines that break a rule, up to half of all; the log's notes and
    `bad_lines` tell of them. `where` is a condition on the columns of a table or the keys of JSON lines, of other
    layouts on user, item, timestamp and rating: only rows that it holds for count.

    Raises:
        InputError: the file breaks a rule of its format; the message names the file, the line, and how many lines are
            bad in all.
    """
    condition = None if where is None else Where(where)
    options = Options(Roles(user, item, timestamp, rating, time_format, condition), separator, quote, bad_lines)
    return read_file(path, format_of(path, format, separator)[0], options).log


def format_of(path: Path, format: str = "auto", separator: str | None = None) -> tuple[Format, str]:
    """The format that is named, or meant by a separator, or that the file has; and why it is this one.

    Raises:
        InputError: there is no format of that name, or as `recognise`.
    """
    if format not in ("auto", *FORMATS):
        raise InputError(f'format "{format}" is not known; {suggest(format, ["auto", *FORMATS])}')
    if format != "auto":
        return FORMATS[format], "it was named"
    return (TABLE, "a separator was named") if separator is not None else recognise(path)


def read_file(path: Path, format: Format, options: Options) -> Reading:
    """The log of a file in a format, and what its reader saw.

    Raises:
        InputError: as `read`, or an option that the format does not take.
    """
    if options.separator is not None and "separator" not in format.takes:
        raise InputError(
            f'only "table" takes a separator, found {options.separator!r} for "{format.name}"; leave it out'
        )
    if options.quote != "auto" and "quote" not in format.takes:
        raise InputError(f'only "table" takes a quote, found {options.quote} for "{format.name}"; leave it out')
    for option, value in options.given():
        if option not in format.takes:
            raise InputError(
                f'{path.name} is read as "{format.name}", which has fixed columns, found {option}="{value}"; '
                "leave it out, or name another --data.format"
            )
    if options.bad_lines not in get_args(BadLinesRule):
        raise InputError(
            f'bad_lines "{options.bad_lines}" is not known; {suggest(options.bad_lines, get_args(BadLinesRule))}'
        )
    try:
        reading = format.read(path, options)
    except LineError as error:
        reading = past_bad_lines(path, format, options, error).reading
    return reading.of_log(_without(_counted(reading.log, path, format, options.roles), options.roles))


def _counted(log: Interactions, path: Path, format: Format, asked: Roles) -> Interactions:
    """The rows that count of a layout whose columns have no names, by their roles; named ones are the reader's."""
    if asked.where is None or "where" in format.takes:
        return log
    roles = [role for role in log.frame.collect_schema().names() if role != "row"]
    left, said = asked.where.rows(log.frame, {role: role for role in roles}, path.name)
    return replace(log, frame=left, notes=(said, *log.notes))


def _without(log: Interactions, asked: Roles) -> Interactions:
    """Without the columns that are asked to be left out, of a layout with fixed ones."""
    if asked.rating == NONE and log.has_ratings:
        log = replace(log, frame=log.frame.drop("rating"))
    if asked.timestamp == NONE and log.has_timestamps:
        log = replace(log, frame=log.frame.drop("timestamp"), time_unit="s", time_source="none")
    return log


def sniff(path: Path) -> str:
    """The name of a file's format, by its name and first lines.

    Raises:
        InputError: as `recognise`.
    """
    return recognise(path)[0].name


def recognise(path: Path) -> tuple[Format, str]:
    """The format of a file, and why it is this one: by its name, else by its first lines.

    Raises:
        InputError: the file is missing or empty, or the format cannot be told.
    """
    check_file(path)
    head = Head(path)
    if named := _by_name(head):
        return named
    if not head.lines:
        raise InputError(f"{path} is empty: it has no line with text")
    for format in _candidates(head):
        if format.recognises(head):
            return format, _why(format, head)
    may_be = [FORMATS[name] for name in head.told.may_be]
    forms = "; ".join(f"{one.name} ({one.title})" for one in may_be or FORMATS.values())
    reason = "has more than one reading" if may_be else "cannot be told"
    raise InputError(
        f"the format of {path} {reason}; its first line is '{head.lines[0][:80]}'. Name it with --data.format: {forms}"
    )


def _by_name(head: Head) -> tuple[Format, str] | None:
    """By what the file is called, and the first bytes of Parquet, which go before .jsonl."""
    for format in FORMATS.values():
        if head.name in format.file_names:
            return format, f"by its name {head.name}"
        if format is TABLE and head.is_parquet:
            return format, "by its first bytes, PAR1"
        if head.name.endswith(format.endings):
            if format is JSON_LINES and NESTED.recognises(head):
                return NESTED, f"by its first lines: {NESTED.title}"
            return format, f"by its ending {Path(head.name).suffix}"
    return None


def _candidates(head: Head) -> tuple[Format, ...]:
    """The formats that first lines may tell, the first that does. Published ones go before all, whatever the name."""
    published = (DIGINETICA, GOWALLA, FOURSQUARE, PLAYS, TAGS, TMALL, IMPRESSIONS)
    by_comma = (
        DATED_SEQUENCES,
        YOOCHOOSE,
        ITEM_RATINGS,
        RATINGS,
        ITEM_TIMES,
        TIMES,
    )  # lines with the item first are ratings, too
    if head.is_csv:
        return (*published, *by_comma, TABLE)
    if head.has_brackets:
        return (*published, NESTED, JSON_LINES, STEAM)
    return (*published, ATOMIC_FILE, MOVIELENS, TABLE, *by_comma, *BY_SPACE)


def _why(format: Format, head: Head) -> str:
    if format.has_header:
        return "by its first line, which names columns"
    if format is SEQUENCES and head.told.format is None:
        return "by its first lines and the attributes that stand beside it"
    return f"by its first lines: {format.title}"
