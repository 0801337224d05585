"""Composite users: the values of several columns as one id, `17:3` of `user_id` 17 and `sequence_id` 3.

A colon or a backslash within a value has a backslash before it, so that different values never make the same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import narwhals as nw

from nextitem.data.log.id_rules import WHITE
from nextitem.errors import InputError

SEPARATOR, ESCAPE = ":", "\\"
COMMA = ","  # between the columns, as data.user names them
EITHER = '" or "'  # between the columns, as errors name them in which a value is missing


def columns_of_user(user: str | Sequence[str]) -> list[str]:
    """Raises InputError: there is none."""
    columns = [user] if isinstance(user, str) else list(user)
    if not columns:
        raise InputError("the user is a column, or several; found none; name one")
    return columns


def as_key(user: str | Sequence[str] | None) -> str | None:
    """One column or several as `data.user` has them.

    >>> as_key(["user_id", "sequence_id"]), as_key("user_id")
    ('user_id,sequence_id', 'user_id')

    Raises:
        InputError: a list without a column, or with one whose name has a comma.
    """
    if user is None or isinstance(user, str):
        return user
    for column in columns_of_user(user):
        if COMMA in column:
            raise InputError(f'data.user joins columns without a comma in their names, found "{column}"; rename it')
    return COMMA.join(user)


def parts_of(user: str | None, columns: Sequence[str], source: str) -> tuple[str, ...]:
    """The columns that a user is joined of; none: it is one column, or not said.

    >>> parts_of("user_id,sequence_id", ["user_id", "sequence_id", "item"], "log.csv")
    ('user_id', 'sequence_id')

    Raises:
        InputError: a column is named twice, or none is, or the text names one column and several.
    """
    if user is None or COMMA not in user:
        return ()
    parts = tuple(one if one in columns else one.strip() for one in user.split(COMMA))
    if user in columns:
        if all(one in columns for one in parts):
            raise InputError(f'{source}: data.user "{user}" is one column and {len(parts)} columns; rename the first')
        return ()
    if any(not one and one not in columns for one in parts):
        which = "no column before or after a comma" if any(parts) else "no column"
        raise InputError(f'{source}: data.user names {which}, found "{user}"; name one, or several with commas between')
    if len(set(parts)) < len(parts):
        raise InputError(f'{source}: data.user names a column twice, found "{user}"; name each once')
    return parts


def refuse_types(schema: nw.Schema, parts: Sequence[str], name: str) -> None:
    """Raises InputError: a column of `name` that is a part of the user holds neither integers nor text."""
    for column in parts:
        dtype = schema[column]
        if not dtype.is_integer() and dtype not in (nw.String, nw.Object, nw.Categorical, nw.Enum):
            raise InputError(
                f'{name}: "{column}" is a part of the user, integers or strings, found {dtype}; cast the column first'
            )


def by_role(columns: Iterable[tuple[str, nw.Expr]]) -> list[nw.Expr]:
    """Of pairs of a role and a column an expression a role, which joins the columns where there are several."""
    found: dict[str, list[nw.Expr]] = {}
    for role, column in columns:
        found.setdefault(role, []).append(column)
    return [(joined(parts) if parts[1:] else parts[0]).alias(role) for role, parts in found.items()]


def joined(parts: Sequence[nw.Expr]) -> nw.Expr:
    """The id of these values; missing where one of them is missing or blank."""
    return nw.concat_str([_escaped(part.cast(nw.String)) for part in parts], separator=SEPARATOR)


def _escaped(text: nw.Expr) -> nw.Expr:
    there = nw.when(text.str.strip_chars(WHITE) != "").then(text)
    for one in (ESCAPE, SEPARATOR):
        there = there.str.replace_all(one, ESCAPE + one, literal=True)
    return there


def parts_note(parts: Sequence[str]) -> tuple[str, ...]:
    """What is said of users that are joined.

    >>> parts_note(["user_id", "sequence_id"])
    ('a user is user_id:sequence_id, two columns as one id (a : or \\\\ within a value has a \\\\ before it)',)
    """
    if not parts:
        return ()
    number = "two" if len(parts) == 2 else str(len(parts))
    said = f"a user is {SEPARATOR.join(parts)}, {number} columns as one id"
    return (f"{said} (a {SEPARATOR} or {ESCAPE} within a value has a {ESCAPE} before it)",)
