"""Steam: the reviews that SASRec's authors crawled, a Python literal a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.sources.formats.fields import to_interactions
from nextitem.data.sources.formats.files import each_line
from nextitem.data.sources.formats.format import Format, Head, Reading, fixed
from nextitem.data.sources.formats.literals import NO_LITERAL, literal
from nextitem.data.sources.formats.places import MEND

KEYS = {"username": "user", "product_id": "item", "date": "timestamp"}
BLOCK = 2**17  # lines whose fields are Python's at once
RULES = {  # by the kind of a bad line
    "line that is no literal": "a line must be a JSON object or a Python literal",
    "line that is no review": f"steam needs a dict with {', '.join(KEYS)} as text",
}

ESCAPE = r"\\(?:[nrt'\"\\]|x[0-9a-f]{2}|u[0-9a-f]{4}|U000[0-9a-f]{5})"
TEXT = rf"u?(?:'(?:[^'\\\n\r\0]++|{ESCAPE})*+'|\"(?:[^\"\\\n\r\0]++|{ESCAPE})*+\")"
NUMBER = r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,20})?"
PAIR = re.compile(rf"(u?'([a-z_]+)': ({TEXT}|{NUMBER}|True|False|None)(?:, |\}}\Z))")
PLAIN = re.compile(r"u?(?:'([^'\\]*)'|\"([^\"\\]*)\")")


def read_steam(path: Path) -> Reading:
    """`{u'username': u'..', u'product_id': u'725280', u'date': u'2017-12-17', u'hours': 5.1, ..}` a line.

    https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data. The user is `username`, as in SASRec: most lines have
    no `user_id`. Days are all that is known of the time. Each of the 7.8 million lines is looked at by itself, which
    takes a minute or more; of its values three stay in memory. `nextitem prepare` keeps the result.
    """
    rows, blocks = _rows(path), []
    schema = {"line": pl.UInt32(), **dict.fromkeys(KEYS.values(), pl.String())}
    while block := list(islice(rows, BLOCK)):
        blocks.append(pl.DataFrame(block, schema=schema, orient="row"))
    return Reading(to_interactions(pl.concat(blocks), path, MEND), tuple(KEYS.items()), times="dates")


def fields_at_once(text: str) -> tuple[str, ...] | None:
    """The fields of a line that is a flat dict as Python writes it, which nearly all are; None: `literal` must tell.

    >>> fields_at_once("{u'username': u'Ann', u'date': u'2017-12-17', u'hours': 5.1, u'product_id': u'10'}")
    ('Ann', '10', '2017-12-17')
    """
    pairs = PAIR.findall(text, 1)
    if text[:1] != "{" or sum(len(pair) for pair, _, _ in pairs) != len(text) - 1:
        return None
    values = {key: value for _, key, value in pairs}
    found = [PLAIN.fullmatch(values.get(key, "")) for key in KEYS]
    return tuple(one[1] or one[2] or "" for one in found if one) if all(found) else None


def _rows(path: Path) -> Iterator[tuple[int | str, ...]]:
    """Line, user, item and date of every review. Lines that are none are refused together, after the others."""
    first, bad = "", list[tuple[int, str]]()
    for line, text in each_line(path):
        fields = fields_at_once(text) or _fields(text)
        if isinstance(fields, tuple):
            yield (line, *fields)
            continue
        found = f"{RULES[fields]}, found '{text[:80]}'"
        first = first or f"{path.name}, line {line}: {found}; {MEND}, or name another --data.format"
        bad.append((line, fields))
    if bad:
        raise LineError(first, pl.DataFrame(bad, schema=["place", "kind"], orient="row"))


def _fields(text: str) -> tuple[str, ...] | str:
    """The plain form of `fields_at_once`; or which of RULES the line breaks."""
    try:
        value = literal(text)
    except NO_LITERAL:
        return "line that is no literal"
    fields = [value.get(key) for key in KEYS] if isinstance(value, dict) else []
    is_good = [type(one) is int or (isinstance(one, str) and _is_whole(one)) for one in fields]
    return tuple(map(str, fields)) if fields and all(is_good) else "line that is no review"


def _is_whole(text: str) -> bool:
    """Whether no half of a character stands in it, which no file can hold."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_steam(head: Head) -> bool:
    try:
        values = [literal(line) for line in head.lines]
    except NO_LITERAL:
        return False
    return all(isinstance(value, dict) and KEYS.keys() <= value.keys() for value in values)


STEAM = Format(
    "steam",
    "SASRec's reviews, a Python dict a line with username, product_id and date",
    fixed(read_steam),
    _is_steam,
)
