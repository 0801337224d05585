"""Parquet: a log with types of its own, at once or by any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw

from nextitem.data.log.bad_lines import BadLinesRule, LineError
from nextitem.data.log.bad_rows import past_bad_rows
from nextitem.data.log.composite import EITHER, parts_note, refuse_types
from nextitem.data.log.composite import by_role as of_roles
from nextitem.data.log.exact import parquet_names, read_parquet, scan_parquet
from nextitem.data.log.frames import Frame, with_row
from nextitem.data.log.interactions import Interactions, Terms
from nextitem.data.sources.formats.files import explained
from nextitem.data.sources.formats.format import Reading, columns_named
from nextitem.data.sources.formats.lists import list_notes
from nextitem.data.sources.formats.roles import Roles, find_roles
from nextitem.data.sources.formats.times import SAMPLE, columns_of, file_order, whole_times


def read_parquet_log(path: Path, asked: Roles, bad_lines: BadLinesRule = "error") -> Reading:
    """The columns that `asked` names, or `find_roles` finds."""
    with explained(path):
        schema = scan_parquet(path).collect_schema()
        roles = find_roles(list(schema), asked, path.name)
        notes = (*parquet_lists(nw.Schema.from_polars(schema), roles, path), *parquet_order(path, roles, asked))
        of_where = [] if asked.where is None else [one for one in asked.where.columns if one in schema]
        table = read_parquet(path, sorted({*of_where, *(column for _, column in roles.names())}))
    log = with_roles(table, roles, asked, list(schema), path, notes, bad_lines)
    return Reading(log, columns_named(list(schema), roles))


def parquet_lists(schema: nw.Schema, roles: Roles, path: Path) -> tuple[str, ...]:
    """`list_notes` of a Parquet file."""
    return list_notes(schema.names(), [one for one, dtype in schema.items() if dtype.is_nested()], roles, path.name)


def parquet_order(path: Path, roles: Roles, asked: Roles) -> tuple[str, ...]:
    """`file_order` of a Parquet file."""
    if roles.timestamp is not None:
        return ()
    whole = scan_parquet(path)
    return file_order(roles, asked, path.name, whole.head(SAMPLE).collect(), columns_of(whole))


def refuse_parquet_head(path: Path) -> None:
    """Refuse by what a Parquet file says of its columns, for engines that would look away.

    Raises:
        InputError: it is broken, or two columns have one name.
    """
    with explained(path):
        parquet_names(path)


def with_roles(
    frame: Any,
    roles: Roles,
    asked: Roles,
    known: Sequence[str],
    path: Path,
    notes: tuple[str, ...],
    bad_lines: BadLinesRule = "error",
) -> Interactions:
    """The columns of a frame, of any engine, that `find_roles` found among those of the file, `known`.

    Raises:
        InputError: the table breaks a rule of `Interactions.from_roles`; of its bad rows it says how many there are.
    """
    columns = dict(roles.names())
    if roles.parts:
        columns["user"] = EITHER.join(roles.parts)
    table: Frame = nw.from_native(frame)
    terms = Terms(
        columns,
        path.name,
        time_format=roles.time_format,
        needs_rating=asked.rating is not None,
        notes=(*parts_note(roles.parts), *notes),
        says_date=roles.says_date,
    )
    where = asked.where
    if where is not None:
        where.check(list(known))
    # In a table with a condition the rows are numbered before they are filtered, so that errors name their place.
    # Numbered: engines such as Spark take a dot in the name of a column for a way into it.
    called = {} if where is None else {column: f"where_{place}" for place, column in enumerate(where.columns)}
    refuse_types(table.collect_schema(), roles.parts, path.name)
    by_role = table.select(
        *of_roles((role, nw.col(column)) for role, column in roles.names()),
        *(nw.col(column).alias(name) for column, name in called.items()),
    )
    numbered = replace(terms, columns={"row": "row", **columns})

    def read(rows: Frame, terms: Terms) -> Interactions:
        if where is not None:
            rows, said = where.rows(rows, called, path.name)
            rows, terms = rows.drop(*called.values()), replace(terms, notes=(said, *terms.notes))
        return whole_times(Interactions.from_roles(rows, terms), roles, asked, known, path.name)

    try:
        return read(by_role, terms) if where is None else read(with_row(by_role), numbered)
    except LineError as error:
        return past_bad_rows(by_role, path.name, bad_lines, error, lambda rows: read(rows, numbered))
