"""Lists: columns that hold many values a row, which are never one item, and never left out without a word."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from nextitem.data.sources.formats.roles import ITEMS, Roles, plain
from nextitem.errors import InputError

SUFFIXES = ("s", "list", "lists", "seq", "seqs", "sequence", "history", "hist")  # of an item's column
ALONE = ("history", "hist", "sequence", "seq", "clicks", "basket", "sessionitems", "itemsequence")
MANY = r"^\s*\[|\w[ ,;|]+\w"  # a field that has more than one value
ONE_A_ROW = "write one row an item, in the order of time"


def list_notes(columns: Sequence[str], lists: Collection[str], roles: Roles, name: str) -> tuple[str, ...]:
    """What is to be said of the columns of a log that hold lists, `lists`.

    Raises:
        InputError: one of them is read as an id, a time or a rating, or holds items beside the item's column.
    """
    read = [column for _, column in roles.names()]
    for role, column in roles.names():
        if column in lists:
            raise InputError(
                f'{name}: "{column}" holds lists, and the {role} of a row is one value; {ONE_A_ROW}, or name another '
                f"column with --data.{role}"
            )
    unread = [column for column in columns if column in lists and column not in read]
    for column in unread:
        if holds_items(column, roles.item or ""):
            raise InputError(
                f'{name}: "{column}" is a list of items beside the item of its row, "{roles.item}": a history and its '
                f"target, where a log has a row for each; {ONE_A_ROW} (of a session its longest list, then its item), "
                "or drop the column if the rows before have its items"
            )
    return (f"the lists of {name} are not read: {', '.join(unread)}",) if unread else ()


def refuse_list_fields(table: pl.DataFrame, roles: Roles, name: str) -> None:
    """`list_notes` of a table of texts, where names and fields must tell what is a list.

    Raises:
        InputError: a column is called as one of items, and a field of it has more than one value.
    """
    named = [column for column in table.columns if holds_items(column, roles.item or "")]
    list_notes(named, [column for column in named if table[column].str.contains(MANY).any()], roles, name)


def holds_items(column: str, item: str) -> bool:
    """Whether a column of lists is called as one of items would be.

    >>> [holds_items(name, "item_id") for name in ("item_id_list", "itemIds", "history", "genres")]
    [True, True, True, False]
    """
    short = plain(column)
    return short in ALONE or any(short == one + suffix for one in (plain(item), *ITEMS) for suffix in SUFFIXES)
