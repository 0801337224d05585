"""Item lines: attributes of items as a JSON object or a Python dict a line, as Amazon's metadata. Nothing is run.

https://cseweb.ucsd.edu/~jmcauley/datasets/amazon_v2/: meta_X.json.gz, `{"asin": "B0", "title": "..", "price": 9.5,
"categories": [["Music", "Pop"]], "salesRank": {..}}`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from nextitem.data.sources.formats.files import first_lines
from nextitem.data.sources.formats.literals import NO_LITERAL, literal, read_literals
from nextitem.data.sources.formats.roles import ITEMS, plain
from nextitem.errors import InputError

ENDINGS = (".json", ".jsonl", ".ndjson")
MEND = "mend or drop the line"


def is_item_lines(path: Path) -> bool:
    """Whether the first line is an object that names its item under a key such as asin; gzipped or not."""
    if not path.name.removesuffix(".gz").endswith(ENDINGS):
        return False
    try:
        value = literal("".join(first_lines(path, count=1)))
    except NO_LITERAL:
        return False
    return isinstance(value, dict) and _item_key(value) is not None


def read_item_lines(path: Path) -> pl.DataFrame:
    """The item, as text, then a column for every key: text, numbers, or lists of tokens.

    Lists within lists become one list; objects, and lists with objects in them, are left out. A line that is there
    twice, word for word, counts once.

    Raises:
        InputError: a line is no object, does not name its item under the key of the first line, or names one again.
    """
    key = ""
    rows: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    for line, text, value in read_literals(path):
        if isinstance(value, dict) and not key:
            key = _item_key(value) or ""
        item = value.get(key) if isinstance(value, dict) else None
        if type(item) not in (str, int) or not str(item).strip():
            raise InputError(
                f"{path.name}, line {line}: a line must be an object with its item under '{key or 'asin'}', "
                f"found '{text[:80]}'; {MEND}"
            )
        if texts.setdefault(str(item), text) != text:
            raise InputError(f"{path.name}, line {line}: the item '{item}' has had another line before; {MEND}")
        rows[str(item)] = {name: one for name, one in value.items() if name != key}
    names = dict.fromkeys(name for row in rows.values() for name in row)
    columns = [_column(name, [row.get(name) for row in rows.values()]) for name in names]
    return pl.DataFrame([pl.Series(key, list(rows), dtype=pl.String), *(one for one in columns if one is not None)])


def _item_key(value: dict[Any, Any]) -> str | None:
    """The likeliest spelling among the keys whose value may be an id."""
    keys = {plain(key): key for key, one in value.items() if isinstance(key, str) and type(one) in (str, int)}
    return next((keys[spelling] for spelling in ITEMS if spelling in keys), None)


def _column(name: str, values: list[Any]) -> pl.Series | None:
    """None: it holds objects."""
    there = [one for one in values if one is not None]
    flat = [None if one is None else _tokens(one) for one in values]
    if not there or any(isinstance(token, dict) for tokens in flat for token in tokens or ()):
        return None
    if any(isinstance(one, list | tuple) for one in there):
        tokens = [None if one is None else [str(token) for token in dict.fromkeys(one)] for one in flat]
        return pl.Series(name, tokens, dtype=pl.List(pl.String))
    if all(type(one) in (int, float) for one in there):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    return pl.Series(name, [None if one is None else str(one) for one in values], dtype=pl.String)


def _tokens(value: Any) -> list[Any]:
    """[["a", "b"], "c"] -> ["a", "b", "c"]"""
    if not isinstance(value, list | tuple):
        return [value]
    return [token for one in value if one is not None for token in _tokens(one)]
