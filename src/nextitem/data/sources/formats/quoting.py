"""Quoting: whether `"` holds fields of a text table together, or is a letter like any other.

A quote that opens a field and is closed lines below swallows the rows between; where that may have happened, or where
some fields are quoted and others have quotes as letters, the user is asked.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from nextitem.data.sources.formats.files import each_line, explained, first_lines, is_gzip, scan_lines
from nextitem.data.sources.formats.roles import RATINGS, TIMESTAMPS, plain
from nextitem.errors import InputError, suggest

Quote = Literal["auto", "none", "double"]
QUOTE = '"'
BLOCK = 2**20  # bytes
CHOOSE = "say whether quotes hold fields together: --data.quote double, or are letters: --data.quote none"
NUMBER = re.compile(r"\s*[+-]?\d[\d.:TZ/+ -]*")  # or a date
CLOSING = re.compile(r'(?:[^"]|"")*+"')  # up to the quote that ends a field


@dataclass(frozen=True)
class Quoted:
    """What stands between quotes in a file, by the numbers of its lines, or 0 for nowhere."""

    field: int  # the first line with a field that begins with a quote
    stray: int  # a quote within a field that does not begin with one, or behind the end of a quoted field
    rows: int  # a quoted field begins here and goes over the line's end, but each of its lines is a row by itself
    open: int  # a quoted field begins here and never ends


def quote_char(path: Path, separator: str, quote: Quote = "auto", way_out: str = CHOOSE) -> str | None:
    """The character that quotes fields, or None if quotes are letters.

    "auto": quotes are letters where no field begins with one, else they hold fields, and all must be proper: those
    within a field doubled, and no line that is a row by itself swallowed by a field that goes over lines. In a file
    split by tabs quotes are letters also where they are not proper.

    Raises:
        InputError: quotes are not proper in a file that is not split by tabs, or in any with "double".
    """
    if quote not in get_args(Quote):
        raise InputError(f'quote "{quote}" is not known; {suggest(quote, get_args(Quote))}')
    if quote == "none":
        return None
    if not has_quotes(path) or all_proper(path, separator):
        return QUOTE
    found = find_quotes(path, separator)
    is_proper = not (found.open or found.stray or found.rows)
    if quote == "auto" and (not found.field or (separator == "\t" and not is_proper)):
        return None
    way_out = way_out if quote == "auto" else "--data.quote none takes quotes for letters"
    if found.open:
        raise InputError(
            f"{path.name}, line {found.open}: a quote is opened and never closed; close or remove it, or {way_out}"
        )
    if found.stray:
        where = "" if not found.field else f" (the first quoted field stands in line {found.field})"
        raise InputError(
            f"{path.name}, line {found.stray}: a quote stands within a field{where}; double it and quote the field, "
            f"or {way_out}"
        )
    if quote == "auto" and found.rows:
        raise InputError(
            f"{path.name}, line {found.rows}: a quote is opened here and closed lines below, and each of these lines "
            f"is a row by itself; {way_out}"
        )
    return QUOTE


def refuse_quote(path: Path, quote: Quote) -> None:
    """Raises:
    InputError: a quote is named for a Parquet file, which has none.
    """
    if quote != "auto":
        raise InputError(f"{path.name} is a Parquet file, which has no quotes, found quote {quote}; leave it out")


def has_quotes(path: Path) -> bool:
    with gzip.open(path) if is_gzip(path) else path.open("rb") as file, explained(path):
        return any(QUOTE.encode() in block for block in iter(lambda: file.read(BLOCK), b""))


def all_proper(path: Path, separator: str) -> bool:
    """Whether every quote of a file is a part of proper quoting, each field on its line."""
    one = pl.escape_regex(separator)
    field = rf'("([^"]|"")*"|[^"{one}]*)'
    text = pl.col("text").str.strip_chars_end("\r")
    proper = text.str.contains(rf"^{field}({one}{field})*$") | ~text.str.contains(QUOTE, literal=True)
    with explained(path):
        return bool(scan_lines(path).select(proper.all()).collect(engine="streaming").item())


def find_quotes(path: Path, separator: str) -> Quoted:
    """One pass over the lines, by the plain rules of CSV (RFC 4180)."""
    header = "".join(first_lines(path, count=1)).split(separator)
    numbers = [place for place, name in enumerate(header) if plain(name) in (*TIMESTAMPS, *RATINGS)]
    field = stray = rows = begins = 0  # `begins`: where the quoted field that goes over this line's start began
    are_rows = False
    for line, text in each_line(path):
        if not begins and QUOTE not in text:
            continue
        is_inside, has_field, has_stray = _walk(text, separator, is_inside=begins > 0)
        field, stray = field or line * has_field, stray or line * has_stray
        cells = text.split(separator)
        is_row = len(cells) == len(header) and all(NUMBER.fullmatch(cells[place]) for place in numbers)
        are_rows = is_row and (are_rows or not begins)
        goes_on = begins > 0 and QUOTE not in text
        if begins and not goes_on and are_rows:
            rows = rows or begins
        begins = begins if goes_on else line * is_inside
    return Quoted(field, stray, rows, begins)


def _walk(text: str, separator: str, is_inside: bool) -> tuple[bool, bool, bool]:
    """Through one line: whether its end stands in a quoted field, whether one begins in it, whether a quote is stray.

    >>> _walk('1,"a, b",5" disk', ",", is_inside=False)
    (False, True, True)
    """
    has_field = has_stray = False
    place = 0
    while place < len(text):
        if not is_inside and text[place] == QUOTE:
            is_inside = has_field = True
            place += 1
        if is_inside:
            end = CLOSING.match(text, place)
            if end is None:
                return True, has_field, has_stray
            is_inside, place = False, end.end()
        stop = text.find(separator, place)
        stop = len(text) if stop < 0 else stop
        has_stray |= QUOTE in text[place:stop] or (place > 0 and text[place - 1] == QUOTE and place < stop)
        place = stop + 1
    return is_inside, has_field, has_stray
