"""List columns: a table whose items stand in a list, a row a user, as Yambda's sequential form; a row an item here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
from polars.selectors import by_name

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.exact import scan_parquet
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.files import explained
from nextitem.data.sources.formats.format import Reading, columns_named
from nextitem.data.sources.formats.lists import holds_items
from nextitem.data.sources.formats.parquet import with_roles
from nextitem.data.sources.formats.roles import ITEMS, Roles, find_roles, plain
from nextitem.data.sources.formats.times import SAMPLE, columns_of, file_order
from nextitem.errors import InputError


def read_list_columns(path: Path, asked: Roles, bad_lines: BadLinesRule = "error") -> Reading | None:
    """The log of a Parquet file with lists of items; None: it has none, or an item a row beside them.

    Raises:
        InputError: as `exploded_log`, or a column that is asked for is missing.
    """
    with explained(path):
        schema = scan_parquet(path).collect_schema()
        roles = _listed_roles(schema, asked, path.name)
    if roles is None:
        return None
    return Reading(exploded_log(path, roles, asked, bad_lines), columns_named(list(schema), roles))


def _listed_roles(schema: pl.Schema, asked: Roles, name: str) -> Roles | None:
    """The columns of a table with a list of items and one user a row; None: it is none.

    Raises:
        InputError: a column that is asked for is missing, or there is none for the user.
    """
    lists = [column for column, dtype in schema.items() if isinstance(dtype, pl.List | pl.Array)]
    if asked.item is None:
        plain_ones = [column for column in schema if column not in lists]
        items = [column for column in lists if plain(column) in ITEMS or holds_items(column, "")]
        if len(items) != 1 or any(plain(column) in ITEMS for column in plain_ones):
            return None
        asked = replace(asked, item=items[0])
    if asked.item not in lists:
        return None
    roles = find_roles(list(schema), asked, name)
    return None if any(column in lists for column in roles.parts or (roles.user,)) else roles


def exploded_log(path: Path, roles: Roles, asked: Roles, bad_lines: BadLinesRule) -> Interactions:
    """A row for each item of the lists, with what stands at its place in the other lists that are read.

    Raises:
        InputError: the lists of a row are not alike in length, or as `with_roles`.
    """
    whole = scan_parquet(path)
    schema = whole.collect_schema()
    of_where = [] if asked.where is None else [one for one in asked.where.columns if one in schema]
    read = list(dict.fromkeys([*(column for _, column in roles.names()), *of_where]))
    lists = [column for column in read if isinstance(schema[column], pl.List | pl.Array)]
    lengths = [pl.col(column).list.len() for column in lists]
    is_odd = pl.any_horizontal([one.ne_missing(lengths[0]) for one in lengths])
    table = whole.select(by_name(*read)).cast({one: pl.List(schema[one].inner) for one in lists})  # type: ignore[attr-defined]
    looks = {"rows": pl.len(), "empty": (lengths[0].fill_null(0) == 0).sum(), "items": lengths[0].sum()}
    found = table.select(is_odd.any().alias("odd"), **looks).collect(engine="streaming")
    if found["odd"][0]:
        place = table.with_row_index("row").filter(is_odd).select("row").head(1).collect()["row"][0]
        raise InputError(
            f"{path.name}, row {place}: the lists {', '.join(lists)} of a row must be alike in length; mend the row, "
            "or name other columns"
        )
    rows, empty, items = found.select("rows", "empty", "items").row(0)
    said = f"the {rows:,} rows of {path.name} have lists of items, {', '.join(lists)}: they are {items:,} interactions"
    notes: tuple[str, ...] = (said + (f"; without an item: {empty:,}" if empty else ""),)
    exploded = table.filter(lengths[0] > 0).explode(lists, empty_as_null=False)
    if roles.timestamp is None:
        notes += file_order(roles, asked, path.name, exploded.head(SAMPLE).collect(), columns_of(exploded))
    return with_roles(exploded, roles, asked, list(schema), path, notes, bad_lines)
