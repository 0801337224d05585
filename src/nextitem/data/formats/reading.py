"""Formats: which of the known forms a file has, and its one reader."""

from __future__ import annotations

import re
from pathlib import Path

from nextitem.data.formats.files import check_file, first_lines, is_parquet
from nextitem.data.formats.headerless import read_movielens, read_pairs, read_sequences
from nextitem.data.formats.roles import Roles, looks_like_header
from nextitem.data.formats.tables import SEPARATORS, read_atomic, read_table
from nextitem.data.interactions import Interactions
from nextitem.errors import InputError, suggest

FORMATS = {
    "atomic": "RecBole's .inter, a header of name:type",
    "movielens": "u.data or ratings.dat, user item rating timestamp",
    "pairs": "user item a line, in time order",
    "sequences": "user item item .. a line, in time order",
    "table": "CSV, TSV or Parquet with named columns",
}
ID = re.compile(r"[\w.:-]+")
ATOMIC_FIELD = re.compile(r"[^:\t]+:(token|token_seq|float|float_seq)")


def read(
    path: Path,
    *,
    format: str = "auto",
    user: str | None = None,
    item: str | None = None,
    timestamp: str | None = None,
    rating: str | None = None,
    separator: str | None = None,
) -> Interactions:
    """Read a log, gzipped or not. `format` is one of FORMATS, or "auto": what `sniff` says.

    `user`, `item`, `timestamp`, `rating` name columns of an "atomic" file or a "table"; those not named are
    found among common spellings. Without timestamps the order of the file is the order of time. Ids of text
    files are strings.

    Raises:
        InputError: the file breaks a rule of its format; the message names the file and the line.
    """
    if format not in ("auto", *FORMATS):
        raise InputError(f'format "{format}" is not known; {suggest(format, ["auto", *FORMATS])}')
    if format == "auto":
        format = sniff(path) if separator is None else "table"
    asked = Roles(user, item, timestamp, rating)
    if separator is not None and format != "table":
        raise InputError(f'only "table" takes a separator, found {separator!r} for "{format}"; leave it out')
    if format == "table":
        return read_table(path, asked, separator)
    if format == "atomic":
        return read_atomic(path, asked)
    if asked.names():
        role, column = asked.names()[0]
        raise InputError(
            f'{path.name} is read as "{format}", which has no named columns, found {role}="{column}"; '
            "leave it out, or name another --data.format"
        )
    if format == "movielens":
        return read_movielens(path)
    return read_pairs(path) if format == "pairs" else read_sequences(path)


def sniff(path: Path) -> str:
    """The format of a file, by its name and first lines.

    Raises:
        InputError: the file is missing or empty, or the format cannot be told.
    """
    check_file(path)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".inter"):
        return "atomic"
    if name in ("u.data", "ratings.dat"):
        return "movielens"
    if name.endswith((".parquet", ".csv", ".tsv")) or is_parquet(path):
        return "table"
    found = first_lines(path)
    if not found:
        raise InputError(f"{path} is empty: it has no line with text")
    format = _sniff_text(found)
    if format is None:
        forms = "; ".join(f"{name} ({form})" for name, form in FORMATS.items())
        raise InputError(
            f"the format of {path} cannot be told; its first line is '{found[0][:80]}'. "
            f"Name it with --data.format: {forms}"
        )
    return format


def _sniff_text(found: list[str]) -> str | None:
    header = found[0].split("\t")
    if all(ATOMIC_FIELD.fullmatch(field.strip()) for field in header):
        return "atomic"
    if all(line.count("::") == 3 for line in found):
        return "movielens"
    if any(looks_like_header(found[0].split(separator)) for separator in SEPARATORS if separator in found[0]):
        return "table"
    if all(re.fullmatch(r"\S+\t\S+\t[\d.]+\t\d+", line) for line in found):
        return "movielens"
    if found[0].startswith(("{", "[")):  # JSON
        return None
    counts = {len(line.split()) for line in found}
    if counts == {2} and not any(separator in found[0] for separator in ",;|"):
        return "pairs"
    is_aligned = len(found) > 1 and len(counts) == 1 and "\t" in found[0]  # columns, but of what?
    is_prose = not all(ID.fullmatch(field) for line in found for field in line.split())
    return "sequences" if min(counts) >= 2 and not is_aligned and not is_prose else None
