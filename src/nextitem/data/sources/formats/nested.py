"""Nested: a JSON object a line with a list of events, as the sessions of the shop Otto.

https://github.com/otto-de/recsys-dataset: `{"session": 1, "events": [{"aid": 5, "ts": 1661119200025, "type": ".."}]}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from polars.selectors import by_name

from nextitem.data.log.bad_lines import LineError
from nextitem.data.log.composite import parts_note
from nextitem.data.log.where import counted_rows
from nextitem.data.sources.formats.fields import IDS, of_categories, with_roles
from nextitem.data.sources.formats.files import check_file, each_line, explained, first_lines, scan_lines
from nextitem.data.sources.formats.format import COLUMNS, Format, Head, Options, Reading, columns_named
from nextitem.data.sources.formats.json_lines import AS_LOG, LINE, strict_json
from nextitem.data.sources.formats.roles import ITEMS, Roles, find_roles, plain
from nextitem.data.sources.formats.times import SAMPLE, columns_of, file_order, whole_times
from nextitem.errors import InputError

AID = "aid"  # Otto's articles
OBJECT, EVENTS, IS_WHOLE, STATE = "\nobject", "\nevents", "\nis whole", "\nstate"  # which no key is called
BROKEN, EMPTY, GOOD, OTHER_TIME = range(4)  # states of a row: of no session, of one without events, with another time
EXAMPLE = '{"session": 1, "events": [{"aid": 59, "ts": 1661119200}]}'
WHOLE = r"(?s)^\{.*\}$"


def read_nested(path: Path, options: Options) -> Reading:
    """A row for each event, in the order of its list. A key of an event is called `events.aid`, or `aid` alone."""
    check_file(path)
    layout = _layout(first_lines(path))
    if layout is None:
        raise _fault(path, "")
    asked, names = options.roles, layout.names
    roles = _roles(layout, asked, path)
    called = {one: one for one in names} | layout.short
    of_where = [] if asked.where is None else [called[one] for one in asked.where.columns if one in called]
    read = names if roles.timestamp is None else [*dict.fromkeys((*(one for _, one in roles.names()), *of_where))]
    is_plain = asked.time_format is None and roles.timestamp not in (*of_where, *roles.parts)
    ids = [name for role, name in roles.names() if role in IDS]
    table, without = _events(path, layout, read, ids, roles.timestamp if is_plain else None)
    table, said = counted_rows(table, asked.where, called, path.name)
    fields = table.drop(LINE)
    notes = (*without, *said, *parts_note(roles.parts))
    notes += file_order(roles, asked, path.name, fields.head(SAMPLE), columns_of(fields.lazy()))
    table = with_roles(table, LINE, [(role, table.columns.index(name)) for role, name in roles.names()])
    del fields
    asked = replace(asked, parts=roles.parts)
    log = of_categories(table.select("line", *IDS), table.drop(IDS), path, notes, asked, roles.says_date)
    return Reading(whole_times(log, roles, asked, names, path.name), columns_named(names, roles))


@dataclass(frozen=True)
class _Layout:
    """The keys of the objects."""

    events: str  # under which the list stands
    outer: tuple[str, ...]  # the plain ones beside it
    inner: tuple[str, ...]  # the plain ones of an event

    @property
    def names(self) -> list[str]:
        return [*self.outer, *(self.long(one) for one in self.inner)]

    @property
    def short(self) -> dict[str, str]:
        """The keys of an event alone, where no key beside the events is called so: their long names."""
        return {one: self.long(one) for one in self.inner if one not in self.outer}

    def long(self, key: str) -> str:
        return f"{self.events}.{key}"


def _layout(found: Sequence[str]) -> _Layout | None:
    """What the first lines say; None: they have no one list of objects each."""
    lists: dict[str, None] = {}
    outer: dict[str, None] = {}
    inner: dict[str, None] = {}
    for text in found:
        with suppress(ValueError):
            value = json.loads(text)
            for key, one in value.items() if isinstance(value, dict) else ():
                if isinstance(one, list) and one and all(isinstance(event, dict) for event in one):
                    lists[key] = None
                    inner.update({name: None for event in one for name, it in event.items() if _is_plain(it)})
                elif _is_plain(one):
                    outer[key] = None
    if len(lists) != 1:
        return None
    return _Layout(next(iter(lists)), tuple(outer), tuple(inner))


def _is_plain(value: object) -> bool:
    return not isinstance(value, list | dict)


def _roles(layout: _Layout, asked: Roles, path: Path) -> Roles:
    """By the keys of an event alone, where no key beside the events has that name too."""
    long = layout.short
    short = {name: one for one, name in long.items()}
    columns = [short.get(name, name) for name in layout.names]
    by_key = asked.renamed(lambda name: short.get(name, name))
    if by_key.item is None and AID in columns and not any(plain(one) in ITEMS for one in columns):
        by_key = replace(by_key, item=AID)
    return find_roles(columns, by_key, path.name).renamed(lambda name: long.get(name, name))


def _events(
    path: Path, layout: _Layout, names: Sequence[str], ids: Sequence[str], time: str | None = None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """LINE and the text of each value, a row an event; and what is to be said of lines that have none.

    Text of `ids` is kept as categories: a quarter of the memory. Where all values of `time` are whole numbers, they are
    numbers: a third. Lists are taken apart as they are read, so that they are never held beside the rows.
    """
    try:
        with explained(path):
            table = _rows(path, layout, names, ids, time).collect(engine="streaming")
    except InputError as error:
        if isinstance(error.__cause__, pl.exceptions.ComputeError):
            raise _fault(path, layout.events) from error
        raise
    counts = dict(table[STATE].value_counts().rows())
    if counts.get(BROKEN):
        raise _fault(path, layout.events)
    if counts.get(OTHER_TIME):
        return _events(path, layout, names, ids)
    empty = counts.get(EMPTY, 0)
    table = (table.filter(pl.col(STATE) == GOOD) if empty else table).drop(STATE)
    have = "line of {} has" if empty == 1 else "lines of {} have"
    said = f"{empty:,} {have.format(path.name)} no {layout.events}, and no interaction"
    table = table if table[LINE].is_sorted() else table.sort(LINE, maintain_order=True)
    return table, (said,) if empty else ()


def _rows(path: Path, layout: _Layout, names: Sequence[str], ids: Sequence[str], time: str | None) -> pl.LazyFrame:
    """LINE, STATE and the values, a row an event or a line without one."""
    outer = [one for one in layout.outer if one in names]
    inner = [one for one in layout.inner if layout.long(one) in names]
    event = pl.List(pl.Struct(dict.fromkeys(inner, pl.String)))
    decoded = pl.col("text").str.json_decode(pl.Struct({**dict.fromkeys(outer, pl.String), layout.events: event}))
    is_whole = pl.col("text").str.strip_chars().str.contains(WHOLE)
    lines = scan_lines(path).select(pl.col("line").alias(LINE), decoded.alias(OBJECT), is_whole.alias(IS_WHOLE))
    events = pl.col(OBJECT).struct.field(layout.events)
    state = pl.when(events.is_null() | ~pl.col(IS_WHOLE)).then(BROKEN).when(events.list.len() == 0).then(EMPTY)
    values = (pl.col(OBJECT).struct.field(one).alias(one) for one in outer)
    rows = lines.select(LINE, *values, state.otherwise(GOOD).cast(pl.UInt8).alias(STATE), events.alias(EVENTS))
    fields = [pl.col(EVENTS).struct.field(one).alias(layout.long(one)) for one in inner]
    rows = rows.explode(EVENTS, empty_as_null=True).select(LINE, STATE, *outer, *fields)
    rows = rows.with_columns(by_name(*ids).cast(pl.Categorical))
    if time is None:
        return rows
    number = pl.col(time).cast(pl.Int64, strict=False)
    is_number = (number.cast(pl.String) == pl.col(time)).fill_null(False)
    is_other = (pl.col(STATE) == GOOD) & ~is_number
    return rows.with_columns(number, pl.when(is_other).then(OTHER_TIME).otherwise(STATE).cast(pl.UInt8).alias(STATE))


def _fault(path: Path, events: str) -> InputError:
    """Of the lines that are no objects with a list of flat ones; only where a file is refused."""
    found: list[tuple[int, str]] = []
    for line, text in each_line(path):
        if what := _what_is_wrong(text, events):
            found.append((line, what))
    if not found:
        return InputError(f"{path.name} has no line with a list of events, such as {EXAMPLE}; {AS_LOG}")
    line, what = found[0]
    places = pl.DataFrame({"place": [place for place, _ in found]})
    return LineError(
        f"{path.name}, line {line}: {what}; {AS_LOG}", places.with_columns(kind=pl.lit("line that is no session"))
    )


def _what_is_wrong(text: str, events: str) -> str:
    try:
        value = strict_json(text)
    except ValueError as error:
        return f"a line must be JSON, found '{text[:80]}' ({error})"
    if not isinstance(value, dict):
        return f"a line must be a JSON object, found '{text[:80]}'"
    found = value.get(events)
    if not events or (isinstance(found, list) and all(isinstance(one, dict) for one in found)):
        nested = [key for one in found or () for key, it in one.items() if not _is_plain(it)]
        return f'"{nested[0]}" of an event must be text or a number' if nested else ""
    return f'"{events}" must be a list of objects, found {str(found)[:60]}'


def _is_nested(head: Head) -> bool:
    """Whether the events have an item, and what stands beside them has none: the images of a review are no log."""
    layout = _layout(head.lines) if head.has_brackets else None
    if layout is None:
        return False
    inner, outer = ({plain(one) for one in keys} for keys in (layout.inner, layout.outer))
    return not inner.isdisjoint((*ITEMS, AID)) and outer.isdisjoint(ITEMS)


NESTED = Format(
    "nested",
    "a JSON object a line with a list of events, such as Otto's sessions",
    read_nested,
    _is_nested,
    takes=COLUMNS,
)
