"""Titles: what the items are called, where a table of items has a column for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from nextitem.data.ids import MEND, read_table
from nextitem.data.saving import save_table
from nextitem.errors import InputError

COLUMN = "title"
# The columns that are taken, the first rule before the others; of a name its letters alone, in lower case.
RULES: tuple[Callable[[str], bool], ...] = (
    lambda name: name == "title",
    lambda name: name.endswith("title"),  # movie_title
    lambda name: name in ("name", "itemname", "productname"),
)


def titles_of(table: pl.DataFrame | None) -> pl.Series | None:
    """(n,) String, a row an item as `table` has them, null where nothing is known; None without such a column.

    >>> titles_of(pl.DataFrame({"genre": ["a", "b"], "movie_title": [["Toy", "Story"], None]})).to_list()
    ['Toy Story', None]
    """
    names = {} if table is None else {"".join(filter(str.isalpha, one.lower())): one for one in table.columns}
    chosen = next((names[plain] for is_title in RULES for plain in names if is_title(plain)), None)
    if table is None or chosen is None:
        return None
    column = table[chosen]
    if isinstance(column.dtype, pl.List):
        column = column.cast(pl.List(pl.String)).list.join(" ")
    texts = column.cast(pl.String).str.strip_chars()
    texts = texts.set(texts.str.len_bytes() == 0, None).alias(COLUMN)
    return None if texts.null_count() == len(texts) else texts


def write_titles(path: Path, table: pl.DataFrame | None) -> None:
    """One Parquet column `title`, where the table of items says what they are called."""
    titles = titles_of(table)
    if titles is not None:
        save_table(titles.to_frame(), path)


def read_titles(path: Path, num_items: int) -> pl.Series:
    """What `write_titles` wrote.

    Raises:
        InputError: it is missing, or not one column of text, a row an item.
    """
    table = read_table(path)
    if table.columns != [COLUMN] or table[COLUMN].dtype != pl.String or len(table) != num_items:
        found = ", ".join(f"{name}: {kind}" for name, kind in table.schema.items())
        raise InputError(
            f"{path} must be one column {COLUMN} of text with {num_items:,} rows, found {found or 'none'} with "
            f"{len(table):,}; {MEND}"
        )
    return table[COLUMN]
