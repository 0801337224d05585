"""JSON lines: an object a line, such as Amazon's reviews of 2014, 2018 and 2023."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.log.composite import parts_note
from nextitem.data.log.where import Where, counted_rows
from nextitem.data.sources.formats.fields import to_interactions, with_roles
from nextitem.data.sources.formats.files import first_lines, lines
from nextitem.data.sources.formats.format import COLUMNS, Format, Head, Options, Reading, columns_named
from nextitem.data.sources.formats.lists import holds_items, list_notes
from nextitem.data.sources.formats.roles import Roles, find_roles
from nextitem.data.sources.formats.times import SAMPLE, file_order, whole_times
from nextitem.errors import InputError

FEW = 64  # lines that are looked at one by one, where polars refuses them together
LINE, TEXT = "\nline", "\ntext"  # which no key of a line is called
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
    of_where = [] if asked.where is None else _keys_of(asked.where, names, table)
    read = [*dict.fromkeys((*(key for _, key in roles.names()), *of_where))]
    texts = _decoded(table, read)
    if texts is None:
        _refuse_lines(table, read, path)
    _refuse_twin_keys(table, read, path)
    values = pl.DataFrame([table["line"].alias(LINE), table["text"].alias(TEXT), *texts.struct.unnest()])
    values, said = counted_rows(values, asked.where, {one: one for one in read}, path.name)
    table = values.select(line=LINE, text=TEXT)
    notes = (*said, *parts_note(roles.parts), *_file_order(table, roles, asked, path))
    by_role = with_roles(values, LINE, [(role, values.columns.index(key)) for role, key in roles.names()])
    asked = replace(asked, parts=roles.parts)
    log = to_interactions(by_role, path, notes=notes, asked=asked, says_date=roles.says_date)
    return Reading(whole_times(log, roles, asked, keys, path.name), columns_named(names, roles))


def _keys_of(where: Where, names: list[str], table: pl.DataFrame) -> list[str]:
    """The keys of a condition, some of which perhaps no line of the first ones has.

    Raises:
        InputError: no line has one of them.
    """
    later = [key for key in where.columns if key not in names and table["text"].str.contains(_as_key(key)).any()]
    where.check([*names, *later])
    return where.columns


def _as_key(key: str) -> str:
    """What finds a key in the text of an object."""
    return pl.escape_regex(json.dumps(key, ensure_ascii=False)) + r"\s*:"


def _decoded(table: pl.DataFrame, keys: list[str]) -> pl.Series | None:
    """The values under the keys, as text; None: a line is no object of plain values."""
    try:
        texts = table["text"].str.json_decode(pl.Struct(dict.fromkeys(keys, pl.String)))
    except pl.exceptions.ComputeError:
        return None
    # Polars parses all lines as one text: two that are halves of one object would count as one.
    is_whole = table["text"].str.strip_chars().str.contains(r"(?s)^\{.*\}$")
    return None if texts.null_count() or len(texts) < len(table) or not is_whole.all() else texts


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
        _refuse_lines(table, [], path)
    return list(value) if isinstance(value, dict) else _refuse_lines(table, [], path)


def _refuse_twin_keys(table: pl.DataFrame, keys: list[str], path: Path) -> None:
    """Only a line that has a key twice in its text, perhaps in an object within, is looked at closely."""
    twins: list[int] = []
    first = ""
    for key in keys:
        for line, text in table.filter(pl.col("text").str.count_matches(_as_key(key)) > 1).iter_rows():
            names = [name for name, _ in json.loads(text, object_pairs_hook=list)]
            if names.count(key) > 1:
                first = first or f'{path.name}, line {line}: a key must stand once, found "{key}" twice; {AS_LOG}'
                twins.append(line)
    if first:
        raise LineError(first, _of_kind(twins, "line with a key twice"))


def _refuse_lines(table: pl.DataFrame, keys: list[str], path: Path) -> NoReturn:
    """Name the first line that is no object of plain values, and know the others. Only for a file that is refused."""
    first = ""
    found: dict[str, list[int]] = {}
    for part in _refused_parts(table, keys):
        for line, text in part.iter_rows():
            if fault := _fault(text, keys):
                kind, rule = fault
                first = first or f"{path.name}, line {line}: {rule}; {AS_LOG}"
                found.setdefault(kind, []).append(line)
    if not first:
        raise InputError(f"{path.name} cannot be read as JSON lines; {AS_LOG}")
    raise LineError(first, pl.concat([_of_kind(lines, kind) for kind, lines in found.items()]))


def _refused_parts(table: pl.DataFrame, keys: list[str]) -> Iterator[pl.DataFrame]:
    """The parts of a few lines, in their order, in which not all are objects of plain values."""
    waiting = [table]
    while waiting:
        part = waiting.pop()
        if keys and _decoded(part, keys) is not None:
            continue
        if len(part) <= FEW:
            yield part
        else:
            waiting += [part[len(part) // 2 :], part[: len(part) // 2]]


def _fault(text: str, keys: list[str]) -> tuple[str, str] | None:
    """The kind of what is wrong with a line, and the rule with what was found."""
    try:
        value = strict_json(text)
    except ValueError as error:
        return "line that is no JSON", f"a line must be JSON, found '{text[:80]}' ({error})"
    if not isinstance(value, dict):
        return "line that is no JSON object", f"a line must be a JSON object, found '{text[:80]}'"
    if nested := [key for key in keys if isinstance(value.get(key), list | dict)]:
        return "line with a nested value", f'"{nested[0]}" must be text or a number, found {value[nested[0]]}'
    return None


def _of_kind(lines: list[int], kind: str) -> pl.DataFrame:
    return pl.DataFrame({"place": lines}, schema={"place": pl.Int64}).with_columns(kind=pl.lit(kind))


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
