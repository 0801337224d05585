"""Atomic tables: RecBole's .inter .user .item .kg .link .net, whole and typed, read and written.

https://recbole.io/docs/user_guide/data/atomic_files.html: split by tabs, nothing quoted, a first line of name:type.

| type | a field | a column here |
|---|---|---|
| token | text | String |
| float | a finite number | Float64 |
| token_seq | tokens split by spaces, any number of them | List(String) |
| float_seq | numbers split by spaces, any number of them | List(Float64) |

An empty field is null, or a list without elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.atomic_header import AtomicType, atomic_names, atomic_types
from nextitem.data.sources.formats.output import replacing
from nextitem.data.sources.formats.tables import LINE, read_atomic_text
from nextitem.errors import InputError, suggest

ENDINGS = (".inter", ".user", ".item", ".kg", ".link", ".net")


def read_atomic_table(path: Path) -> pl.DataFrame:
    """All columns of an atomic file, gzipped or not, named without their type.

    Raises:
        InputError: a type is unknown, a name comes twice, a line has another number of fields than the header, or a
            float is not a finite number.
    """
    text = read_atomic_text(path)
    types = atomic_types(text.columns[1:], path)
    typed = [
        _typed(text, column, types[name], path).alias(name)
        for column, name in atomic_names(text.columns[1:], path).items()
    ]
    return pl.DataFrame(typed)


def write_atomic_table(table: pl.DataFrame, path: Path, types: Mapping[str, AtomicType] | None = None) -> None:
    """Write an atomic file, whole or not at all, gzipped where `path` ends in .gz.

    `types` names the type of some columns. The others have it from their own: text and integers are tokens, other
    numbers floats, lists sequences.

    Raises:
        InputError: a name or a value holds what separates fields, a value does not fit its type, a row is all empty.
    """
    asked = dict(types or {})
    for name in asked:
        if name not in table.columns:
            raise InputError(f'{path.name}: there is no column "{name}" to type; {suggest(name, table.columns)}')
    for name in table.columns:
        if not name or set(name) & set("\0:\t\r\n"):
            raise InputError(
                f"{path.name}: a column's name may hold no colon, tab or line end, found {name!r}; rename it"
            )
    chosen = {name: asked.get(name) or _natural(table[name], path) for name in table.columns}
    fields = pl.DataFrame([_field(table[name], kind, path) for name, kind in chosen.items()])
    blank = fields.with_row_index(LINE).filter(pl.all_horizontal(pl.exclude(LINE).fill_null("") == ""))
    if len(blank):
        raise InputError(f"{path.name}: row {blank[LINE][0]} is empty in every column; drop it")
    header = "\t".join(f"{name}:{kind}" for name, kind in chosen.items())
    with replacing(path) as file:
        file.write(header.encode() + b"\n")
        fields.write_csv(file, separator="\t", include_header=False, quote_style="never")


def _typed(text: pl.DataFrame, column: str, kind: AtomicType, path: Path) -> pl.Series:
    if kind == "token":
        return text[column]
    if kind == "float":
        numbers = text[column].str.strip_chars().cast(pl.Float64, strict=False)
        wrong = text.filter(text[column].is_not_null() & ~numbers.is_finite().fill_null(False))
        if len(wrong):
            raise _no_number(wrong, column, path)
        return numbers
    tokens = text[column].fill_null("").str.extract_all(r"[^ ]+")
    if kind == "token_seq":
        return tokens
    lists = tokens.cast(pl.List(pl.Float64), strict=False)
    is_finite = lists.list.eval(pl.element().is_finite().fill_null(False)).list.all()
    wrong = text.filter(~is_finite)
    if len(wrong):
        raise _no_number(wrong, column, path)
    return lists


def _no_number(wrong: pl.DataFrame, column: str, path: Path) -> InputError:
    name, _, kind = column.partition(":")
    what = "a finite number" if kind == "float" else "finite numbers split by spaces"
    return InputError(
        f"{path.name}, line {wrong[LINE][0]}: {name} is a {kind}, {what}, found '{wrong[column][0][:80]}'; "
        f"mend the field, or call the column {name}:{kind.replace('float', 'token')}"
    )


def _natural(column: pl.Series, path: Path) -> AtomicType:
    dtype = column.dtype
    is_list = isinstance(dtype, pl.List)
    inner = dtype.inner if isinstance(dtype, pl.List) else dtype
    if inner == pl.String or inner.is_integer():
        return "token_seq" if is_list else "token"
    if inner.is_float():
        return "float_seq" if is_list else "float"
    raise InputError(f'{path.name}: "{column.name}" is {dtype}, which no atomic type holds; cast it to text or numbers')


def _field(column: pl.Series, kind: AtomicType, path: Path) -> pl.Series:
    """The text of a column's fields; null where empty."""
    is_list = isinstance(column.dtype, pl.List)
    if is_list != kind.endswith("_seq"):
        raise InputError(f'{path.name}: "{column.name}" is {column.dtype}, which no {kind} holds; name another type')
    elements = column.explode(empty_as_null=False) if is_list else column
    text = elements.cast(pl.String)
    is_wrong = text.str.contains(r"[\x00\t\r\n ]" if is_list else r"[\x00\t\r\n]")
    if kind.startswith("float"):
        is_wrong |= ~text.cast(pl.Float64, strict=False).is_finite().fill_null(False) & text.is_not_null()
    if is_wrong.any():
        found = text.filter(is_wrong)[0]
        raise InputError(f'{path.name}: "{column.name}" is a {kind}, which cannot hold {found!r}; mend or drop it')
    if not is_list:
        return text
    lists = column.cast(pl.List(pl.String))
    if lists.list.eval((pl.element() == "").fill_null(True)).list.any().any():
        raise InputError(f'{path.name}: "{column.name}" has an empty element, which {kind} cannot hold; drop it')
    return lists.list.join(" ")
