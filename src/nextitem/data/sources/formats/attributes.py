"""Attributes: S3-Rec's `X_item2attributes.json`, one JSON object of item: [attribute, ..], read and written.

https://github.com/RUCAIBox/CIKM2020-S3Rec: it stands beside the log `X.txt`. Attributes are numbers there; here they
are tokens, as those of RecBole's `token_seq`.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import polars as pl

from nextitem.data.sources.formats.files import lines
from nextitem.data.sources.formats.json_lines import no_constant
from nextitem.data.sources.formats.output import replacing
from nextitem.errors import InputError

ENDING = "_item2attributes.json"
NUMBER = re.compile(r"0|[1-9]\d*", re.ASCII)  # what is written as a number and read back as the same token


def item_attributes_beside(log: Path) -> Path | None:
    """X_item2attributes.json beside X.txt, either gzipped or not."""
    stem, ending = os.path.splitext(log.name.removesuffix(".gz"))
    there = [log.with_name(f"{stem}{ENDING}{packed}") for packed in ("", ".gz")]
    return next((one for one in there if ending == ".txt" and one.is_file()), None)


def read_item_attributes(path: Path) -> pl.DataFrame:
    """`item` and `attributes`, a list of tokens, in the order of the file; gzipped or not.

    Raises:
        InputError: the file is no strict JSON object of lists of numbers or texts, or an item is blank or comes twice.
    """
    table = lines(path)
    text = "\n".join(table["text"])
    try:
        pairs = json.loads(text, object_pairs_hook=tuple, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        place = f"{path.name}, line {table['line'][error.lineno - 1]}"
        raise InputError(f"{place}: the file must be one JSON object, found {error}; mend the line") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name}: the file must be one JSON object, but {error}; mend it") from error
    if not isinstance(pairs, tuple):
        raise InputError(
            f"{path.name}, line {table['line'][0]}: the file must be one JSON object of item: [attribute, ..], "
            f"found '{text[:80]}'; mend it"
        )
    seen: set[str] = set()
    for item, attributes in pairs:
        if wrong := _what_is_wrong(item, attributes, seen):
            raise InputError(f"{path.name}, line {_line_of(item, table, is_last=item in seen)}: {wrong}")
        seen.add(item)
    columns = {"item": [item for item, _ in pairs], "attributes": [[str(one) for one in found] for _, found in pairs]}
    return pl.DataFrame(columns, schema={"item": pl.String, "attributes": pl.List(pl.String)})


def write_item_attributes(table: pl.DataFrame, path: Path) -> None:
    """Write a table of an item and a list of tokens, whole or not at all, gzipped where `path` ends in .gz.

    Tokens that are whole numbers are written as numbers, as S3-Rec's code needs them.

    Raises:
        InputError: another number of columns, no list, an item that is missing or comes twice, or a missing token.
    """
    if len(table.columns) != 2 or not isinstance(table.dtypes[1], pl.List):
        found = ", ".join(f"{name} {dtype}" for name, dtype in table.schema.items())
        raise InputError(f"{path.name} holds an item and a list of attributes, found {found}; select these two")
    items, lists = table.to_series(0).cast(pl.String), table.to_series(1).cast(pl.List(pl.String)).fill_null([])
    is_bad = items.is_null() | (items.str.strip_chars() == "") | items.is_duplicated()
    if is_bad.any():
        raise InputError(f"{path.name}: an item must be there once, found {items.filter(is_bad)[0]!r}; drop the row")
    is_blank = lists.list.eval((pl.element().str.strip_chars() == "").fill_null(True)).list.any()
    if is_blank.any():
        raise InputError(
            f"{path.name}: an attribute must not be blank, found one of {items.filter(is_blank)[0]!r}; drop it"
        )
    rows = (
        f"{json.dumps(item, ensure_ascii=False)}: {json.dumps([_value(one) for one in found], ensure_ascii=False)}"
        for item, found in zip(items.to_list(), lists.to_list(), strict=True)
    )
    with replacing(path) as file:
        file.write(("{" + ", ".join(rows) + "}\n").encode())


def _what_is_wrong(item: str, attributes: Any, seen: set[str]) -> str:
    """The rule that an item breaks, and the way out; empty if none."""
    if not item.strip() or "\0" in item:
        return f"an item must be text, found {item!r}; name or drop it"
    if item in seen:
        return f'an item must stand once, found "{item}" twice; drop one of the two'
    if not isinstance(attributes, list):
        return f'the attributes of an item must be a list, found {attributes!r} for "{item}"; write [..]'
    for one in attributes:
        is_text = isinstance(one, str) and one.strip()
        if not is_text and type(one) is not int:  # True is an int too
            return f'an attribute must be a whole number or text, found {one!r} of "{item}"; mend or drop it'
    return ""


def _line_of(item: str, table: pl.DataFrame, is_last: bool) -> int:
    """Where the key of an item stands; the place of its text, which an escape in the file may hide: then the first."""
    key = pl.escape_regex(json.dumps(item, ensure_ascii=False)) + r"\s*:"
    found = table.filter(pl.col("text").str.contains(key))["line"]
    if not len(found):
        return int(table["line"][0])
    return int(found[-1 if is_last else 0])


def _value(token: str) -> str | int:
    return int(token) if NUMBER.fullmatch(token) else token
