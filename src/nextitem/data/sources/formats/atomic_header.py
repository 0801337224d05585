"""Atomic headers: RecBole's first line of name:type."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from nextitem.errors import InputError, suggest

AtomicType = Literal["token", "float", "token_seq", "float_seq"]
TYPES: tuple[AtomicType, ...] = get_args(AtomicType)


def atomic_types(header: Sequence[str], path: Path) -> dict[str, AtomicType]:
    """The type of every column, by its bare name.

    >>> atomic_types(["user_id:token", "age:float"], Path("x.user"))
    {'user_id': 'token', 'age': 'float'}

    Raises:
        InputError: a column has no type or an unknown one.
    """
    found: dict[str, AtomicType] = {}
    for column in header:
        name, colon, asked = column.partition(":")
        if not colon:
            raise InputError(
                f"{path.name}, line 1: columns of an atomic file are named name:type and split by tabs, "
                f'found "{column}"; read it with --data.format table'
            )
        known = next((one for one in TYPES if one == asked), None)
        if known is None:
            raise InputError(
                f"{path.name}, line 1: columns of an atomic file are named name:type and split by tabs, "
                f'"{column}" has no type of atomic files; {suggest(asked, TYPES)}'
            )
        found[name] = known
    return found


def atomic_names(header: Sequence[str], path: Path) -> dict[str, str]:
    """name:type -> name.

    Raises:
        InputError: two columns have one name.
    """
    names = {column: without_type(column) for column in header}
    if len(set(names.values())) < len(names):
        raise InputError(f"{path.name}, line 1: two columns have the same name, found {', '.join(header)}; rename one")
    return names


def without_type(column: str) -> str:
    return column.partition(":")[0]
