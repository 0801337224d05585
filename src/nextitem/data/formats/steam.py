"""Steam: the reviews that SASRec's authors crawled, a Python literal a line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from nextitem.data.formats.fields import to_interactions
from nextitem.data.formats.literals import NO_LITERAL, literal, read_literals
from nextitem.data.formats.places import MEND
from nextitem.data.interactions import Interactions
from nextitem.errors import InputError

KEYS = {"username": "user", "product_id": "item", "date": "timestamp"}
BLOCK = 2**17  # lines whose fields are Python's at once
Row = tuple[int, str, str, str]


def is_steam(found: list[str]) -> bool:
    try:
        values = [literal(line) for line in found]
    except NO_LITERAL:
        return False
    return all(isinstance(value, dict) and KEYS.keys() <= value.keys() for value in values)


def read_steam(path: Path) -> Interactions:
    """`{u'username': u'..', u'product_id': u'725280', u'date': u'2017-12-17', u'hours': 5.1, ..}` a line.

    https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data. The user is `username`, as in SASRec: most lines have
    no `user_id`. Days are all that is known of the time. Each of the 7.8 million lines is parsed by Python, which
    takes minutes; of its values three stay in memory. `nextitem prepare` keeps the result.
    """
    rows, blocks = _rows(path), []
    schema = {"line": pl.UInt32(), **dict.fromkeys(KEYS.values(), pl.String())}
    while block := list(islice(rows, BLOCK)):
        blocks.append(pl.DataFrame(block, schema=schema, orient="row"))
    return to_interactions(pl.concat(blocks), path, MEND)


def _rows(path: Path) -> Iterator[Row]:
    for line, text, value in read_literals(path):
        fields = [value.get(key) for key in KEYS] if isinstance(value, dict) else []
        if not fields or not all(isinstance(field, str) or type(field) is int for field in fields):
            raise InputError(
                f"{path.name}, line {line}: steam needs a dict with {', '.join(KEYS)} as text, found '{text[:80]}'; "
                f"{MEND}, or name another --data.format"
            )
        user, item, date = map(str, fields)
        yield line, user, item, date
