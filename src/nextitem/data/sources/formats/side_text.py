"""Side text: tables beside a log that are plain text; attributes under a header of names, edges with one or without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl

from nextitem.data.log.exact import read_csv
from nextitem.data.sources.formats.files import explained, first_lines, lines
from nextitem.data.sources.formats.places import refuse_other_counts
from nextitem.data.sources.formats.quoting import quote_char
from nextitem.data.sources.formats.roles import looks_like_header, plain
from nextitem.data.sources.formats.tables import refuse_ragged
from nextitem.errors import InputError

HEADS = {"head", "relation", "tail", "source", "target", "entity", "source_id", "target_id"}  # first words of headers
SPELLINGS = {  # of the columns of triples
    "head": ("head", "headid", "h", "subject"),
    "relation": ("relation", "relationid", "r", "predicate"),
    "tail": ("tail", "tailid", "t", "object"),
}
ENDS = (  # spellings of the columns of a network
    (
        "source",
        "sourceid",
        "truster",
        "trustor",
        "trusterid",
        "from",
        "follower",
        "followerid",
        "user",
        "userid",
        "user1",
    ),
    ("target", "targetid", "trustee", "trusteeid", "to", "followee", "followeeid", "friend", "friendid", "user2"),
)
MEND = "mend the line (a side table is split by tabs, or by commas where its first line has no tab)"
TRUST = ("trust", "trust_users")
OTHERS = ("::", "|", ";")  # what may split a file, but no side table


def read_attribute_text(path: Path) -> pl.DataFrame:
    """Attributes of users or items, split by tabs or commas under a first line of names; the first column is the id.

    Raises:
        InputError: the first line names no columns, a line has another number of fields, or the file cannot be read.
    """
    separator, fields = _first_line(path)
    _refuse_headerless(path, fields)
    return _read(path, separator, has_header=True, types=True)


def read_edge_text(path: Path, role: str) -> pl.DataFrame:
    """A graph, its links, or trust and its map, as text: split by tabs, by commas, or by white space where a line has
    neither.

    Raises:
        InputError: a line has another number of fields than the first, or the file cannot be read.
    """
    separator, fields = _first_line(path)
    is_spaced = len(fields) == 1 and len(fields[0].split()) > 1
    fields = fields[0].split() if is_spaced else fields
    has_header = _names_columns(fields, role) or (role in TRUST and _are_words_over_numbers(path, separator))
    if is_spaced:
        return _read_spaced(path, role, fields, has_header)
    return _read(path, separator, has_header, types=False)


def spelled(name: str) -> str:
    """Which column of triples a name means, or the name itself.

    >>> spelled("head_id"), spelled("Predicate"), spelled("weight")
    ('head', 'relation', 'weight')
    """
    return next((role for role, words in SPELLINGS.items() if plain(name) in words), name)


def source_and_target(names: Sequence[str]) -> tuple[str, str] | None:
    """Which columns are the two ends of a network, where both are called so.

    >>> source_and_target(["since", "trustee", "Truster"])
    ('Truster', 'trustee')
    """
    found = [next((name for name in names if plain(name) in spellings), None) for spellings in ENDS]
    source, target = found
    return None if source is None or target is None else (source, target)


def names_ends(fields: Sequence[str]) -> bool:
    """Whether a first line of a network names its columns."""
    return source_and_target(fields) is not None or bool(HEADS & set(fields))


def _names_columns(fields: list[str], role: str) -> bool:
    """Whether the first line is a header. An entity may be called head: of triples two of the columns must be named."""
    if role == "knowledge":
        return len({spelled(field) for field in fields} & set(SPELLINGS)) >= 2
    return looks_like_header(fields) or names_ends(fields)


def _are_words_over_numbers(path: Path, separator: str) -> bool:
    """Whether the first line has words where the second has numbers: names, of files whose ids are numbers."""
    first, second = (re.split(rf"[{separator}\s]+", line.strip()) for line in (first_lines(path, count=2) * 2)[:2])
    return not any(map(_is_number, first)) and all(map(_is_number, second))


def _first_line(path: Path) -> tuple[str, list[str]]:
    """The separator, and the fields of the first line."""
    first = "".join(first_lines(path, count=1))
    separator = "\t" if "\t" in first else ","
    return separator, first.split(separator)


def _refuse_headerless(path: Path, fields: list[str]) -> None:
    """Where the first line is an id and its attributes, or split by something else."""
    names = [field.strip(' "') for field in fields]
    place, found = f"{path.name}, line 1", ", ".join(fields)[:80]
    if len(fields) == 1 and (other := next((one for one in OTHERS if one in fields[0]), None)):
        raise InputError(f"{place}: a side table is split by tabs or commas, found '{other}' in '{found}'; write it so")
    if _is_number(names[0]) or "" in names or len(set(names)) < len(names):
        raise InputError(
            f"{place}: a table of attributes needs a first line that names its columns, found '{found}'; add one, such "
            "as id,attribute"
        )


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdecimal()


def _read(path: Path, separator: str, has_header: bool, types: bool) -> pl.DataFrame:
    """Ids, and all of a table without types, stay text."""
    quote = quote_char(path, separator, way_out="write the file without quotes")
    read = partial(read_csv, path, separator=separator, quote_char=quote, has_header=has_header)
    try:
        with explained(path):
            ids = read(n_rows=1, infer_schema=False).columns[:1]  # of no row, polars before 2.0 unpacks no name
            table = read(infer_schema=types, infer_schema_length=None, schema_overrides=dict.fromkeys(ids, pl.String))
    except InputError:
        refuse_ragged(path, separator, quote, MEND)
        raise
    if table[table.columns[-1]].null_count():  # empty, or missing?
        refuse_ragged(path, separator, quote, MEND)
    return table


def _read_spaced(path: Path, role: str, first: list[str], has_header: bool) -> pl.DataFrame:
    table = lines(path).with_columns(fields=pl.col("text").str.extract_all(r"\S+"))
    layout = f"{len(first)} fields, as in its first line, split by white space"
    refuse_other_counts(table, path, role, layout, len(first), len(first))
    names = first if has_header else [f"column_{place}" for place in range(1, len(first) + 1)]
    columns = [pl.col("fields").list.get(place).alias(name) for place, name in enumerate(names)]
    return table.slice(int(has_header)).select(columns)
