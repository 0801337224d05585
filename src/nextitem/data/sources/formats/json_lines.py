"""JSON lines: an object a line, such as Amazon's reviews of 2014, 2018 and 2023."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from nextitem.data.sources.formats.fields import to_interactions
from nextitem.data.sources.formats.files import first_lines, lines
from nextitem.data.sources.formats.format import COLUMNS, Format, Head, Options, Reading, columns_named
from nextitem.data.sources.formats.lists import holds_items, list_notes
from nextitem.data.sources.formats.roles import Roles, find_roles
from nextitem.data.sources.formats.times import SAMPLE, file_order, whole_times
from nextitem.errors import InputError

AS_LOG = "mend the line, or name another --data.format"


def read_json_lines(path: Path, options: Options) -> Reading:
    """One strict JSON object a line; keys are found like the columns of a table. Numbers and text make the same id."""
    asked, table = options.roles, lines(path)
    keys = json_keys(first_lines(path))
    names = keys or _plain_keys(table, path)
    roles = find_roles(names, asked, path.name)
    list_notes(
        [key for key in keys if holds_items(key, roles.item or "")], _list_keys(first_lines(path)), roles, path.name
    )
    wanted = dict(roles.names())
    try:
        texts = table["text"].str.json_decode(pl.Struct(dict.fromkeys(wanted.values(), pl.String)))
    except pl.exceptions.ComputeError:
        _refuse_line(table, set(wanted.values()), path)
    # Polars parses all lines as one text: two that are halves of one object would count as one.
    is_whole = table["text"].str.strip_chars().str.contains(r"(?s)^\{.*\}$")
    if texts.null_count() or len(texts) < len(table) or not is_whole.all():
        _refuse_line(table, set(wanted.values()), path)
    _refuse_twin_keys(table, list(wanted.values()), path)
    notes = _file_order(table, roles, asked, path)
    fields = [texts.struct.field(column).alias(role) for role, column in wanted.items()]
    log = to_interactions(pl.DataFrame([table["line"], *fields]), path, notes=notes, asked=asked)
    return Reading(whole_times(log, roles, asked, keys, path.name), columns_named(names, roles))


def _file_order(table: pl.DataFrame, roles: Roles, asked: Roles, path: Path) -> tuple[str, ...]:
    """`file_order`, by the plain values of the first lines and then of all."""
    if roles.timestamp is not None:
        return ()
    rows = [json.loads(text) for text in table["text"].head(SAMPLE)]
    nested = {key for row in rows for key, value in row.items() if isinstance(value, list | dict | bool)}
    keys = dict.fromkeys(key for row in rows for key in row if key not in nested)
    sample = {key: [None if row.get(key) is None else str(row[key]) for row in rows] for key in keys}

    def whole(columns: list[str]) -> pl.LazyFrame:
        struct = pl.Struct(dict.fromkeys(columns, pl.String))
        try:
            return table["text"].str.json_decode(struct).struct.unnest().lazy()
        except pl.exceptions.ComputeError:  # nested further down: no times
            return pl.LazyFrame(schema=dict.fromkeys(columns, pl.String))

    return file_order(roles, asked, path.name, pl.DataFrame(sample, schema=dict.fromkeys(keys, pl.String)), whole)


def json_keys(found: list[str]) -> list[str]:
    """The keys of the first lines, in order; none if the first one is no JSON object."""
    keys: dict[str, None] = {}
    for text in found:
        try:
            value = json.loads(text)
        except ValueError:
            break  # the reader names the line
        if not isinstance(value, dict):
            break
        keys.update(dict.fromkeys(value))
    return list(keys)


def _list_keys(found: list[str]) -> set[str]:
    """The keys that have a list in one of the first lines; a line that is no object is judged elsewhere."""
    keys: set[str] = set()
    for text in found:
        with suppress(ValueError):
            value = json.loads(text)
            keys |= {key for key, one in value.items() if isinstance(one, list)} if isinstance(value, dict) else set()
    return keys


def strict_json(text: str) -> Any:
    """Raises: ValueError: no JSON, or JSON with NaN or Infinity, which JSON does not have."""
    return json.loads(text, parse_constant=no_constant)


def _plain_keys(table: pl.DataFrame, path: Path) -> list[str]:
    """The keys of a first line that is longer than what is looked at."""
    try:
        value = strict_json(table["text"][0])
    except ValueError:
        _refuse_line(table, set(), path)
    return list(value) if isinstance(value, dict) else _refuse_line(table, set(), path)


def _refuse_twin_keys(table: pl.DataFrame, keys: list[str], path: Path) -> None:
    """Only a line that has a key twice in its text, perhaps in an object within, is looked at closely."""
    for key in keys:
        pattern = pl.escape_regex(json.dumps(key, ensure_ascii=False)) + r"\s*:"
        for line, text in table.filter(pl.col("text").str.count_matches(pattern) > 1).iter_rows():
            names = [name for name, _ in json.loads(text, object_pairs_hook=list)]
            if names.count(key) > 1:
                raise InputError(f'{path.name}, line {line}: a key must stand once, found "{key}" twice; {AS_LOG}')


def _refuse_line(table: pl.DataFrame, wanted: set[str], path: Path) -> NoReturn:
    """Name the first line that is no object of plain values. Slow, and only for a file that is refused."""
    for line, text in table.iter_rows():
        place = f"{path.name}, line {line}"
        try:
            value = strict_json(text)
        except ValueError as error:
            raise InputError(f"{place}: a line must be JSON, found '{text[:80]}' ({error}); {AS_LOG}") from error
        if not isinstance(value, dict):
            raise InputError(f"{place}: a line must be a JSON object, found '{text[:80]}'; {AS_LOG}")
        nested = [key for key in wanted if isinstance(value.get(key), list | dict)]
        if nested:
            raise InputError(f'{place}: "{nested[0]}" must be text or a number, found {value[nested[0]]}; {AS_LOG}')
    raise InputError(f"{path.name} cannot be read as JSON lines; {AS_LOG}")


def no_constant(name: str) -> NoReturn:
    """For `json.loads(parse_constant=..)`."""
    raise ValueError(f"JSON has no {name}")


def _are_json_lines(head: Head) -> bool:
    return bool(json_keys(head.lines))


JSON_LINES = Format(
    "jsonl",
    "a JSON object a line, such as Amazon's reviews",
    read_json_lines,
    _are_json_lines,
    endings=(".jsonl", ".ndjson"),
    takes=COLUMNS,
)
