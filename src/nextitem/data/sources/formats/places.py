"""Places: the fields of each line by their place, in files without quotes.

Lines are looked at in batches, so that of a large file only the fields that are read are in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.sources.formats.files import OTHER_COUNT, check_file, explained, first_lines, lines, scan_lines
from nextitem.data.sources.formats.roles import looks_like_header, plain
from nextitem.errors import InputError

MEND = "mend or drop the line"
SPOKEN = {",": "commas", "\t": "tabs"}


@dataclass(frozen=True)
class Layout:
    """What stands where in a line."""

    name: str  # of FORMATS
    places: tuple[str, ...]  # a name for each field; "-" is not read
    separator: str
    fields: str  # as an error tells them: "user and item, split by tabs"
    encoding: str = "utf-8"
    header: tuple[str, ...] = ()  # the first line, of names, which is not read

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """As `Reading.columns`."""
        names = self.header or [f"field {place}" for place in range(1, len(self.places) + 1)]
        return tuple(zip(names, self.places, strict=True))


def read_places(path: Path, layout: Layout) -> pl.DataFrame:
    """`line` and the fields that have a name, as text. `check_fields` is the plain form.

    Raises:
        InputError: the file is missing, empty or no text, has a header where the layout has none, or a line has
            another number of fields.
    """
    check_file(path)
    fields = pl.col("text").str.split(layout.separator)
    named = {name: fields.list.get(place, null_on_oob=True) for place, name in enumerate(layout.places) if name != "-"}
    with explained(path):
        found = scan_lines(path, layout.encoding).select("line", count=fields.list.len(), **named)
        table = found.collect(engine="streaming")
    names_columns = any(looks_like_header(line.split(layout.separator)) for line in first_lines(path, count=1))
    if len(table) == 0 or (names_columns and not layout.header) or (table["count"] != len(layout.places)).any():
        check_fields(path, layout)  # names the line
    return table.drop("count").slice(bool(layout.header))


def headed_layout(path: Path, name: str, separator: str, roles: Mapping[str, str]) -> Layout:
    """The layout that a first line of names tells; `roles`: plain name -> what it is read as, "-" for not.

    Raises:
        InputError: the file is missing or empty, or a column that is read does not stand there once.
    """
    check_file(path)
    found = first_lines(path, count=1)
    if not found:
        raise InputError(f"{path} is empty: it has no line with text")
    header = found[0].split(separator)
    places = tuple(roles.get(plain(name), "-") for name in header)
    needed = {column: role for column, role in roles.items() if role != "-"}
    if any(places.count(role) != 1 for role in needed.values()):
        raise InputError(
            f"{path.name}, line 1: {name} needs the columns {', '.join(needed)}, each once, split by "
            f"{SPOKEN[separator]}, found '{found[0][:80]}'; read it with --data.format table"
        )
    fields = f"{len(places)} fields, as in its first line, split by {SPOKEN[separator]}"
    return Layout(name, places, separator, fields, header=tuple(header))


def check_fields(path: Path, layout: Layout) -> pl.DataFrame:
    """`line`, `text` and all `fields` of each line.

    Raises:
        InputError: as `read_places`.
    """
    table = lines(path, layout.encoding).with_columns(fields=pl.col("text").str.split(layout.separator))
    if not layout.header:
        refuse_header(table, path, layout.name)
    refuse_other_counts(table, path, layout.name, layout.fields, len(layout.places), len(layout.places))
    return table.slice(bool(layout.header))


def refuse_other_counts(table: pl.DataFrame, path: Path, name: str, layout: str, fewest: int, most: int | None) -> None:
    """Name the first line with too few or too many `fields`."""
    count = pl.col("fields").list.len()
    wrong = table.filter((count < fewest) | (count > most if most is not None else False))
    if len(wrong):
        line, text, fields = wrong.select("line", "text", "fields").row(0)
        raise LineError(
            f"{path.name}, line {line}: {name} needs {layout}, found {len(fields)} fields, '{text[:80]}'; "
            "mend the line or name another --data.format",
            wrong.select(place="line", kind=pl.lit(OTHER_COUNT)),
        )


def refuse_header(table: pl.DataFrame, path: Path, name: str) -> None:
    """Where the `fields` of the first line name a column."""
    if looks_like_header(table["fields"][0].to_list()):
        raise InputError(
            f"{path.name}, line {table['line'][0]}: {name} has no header, found '{table['text'][0][:80]}'; "
            "drop the line, or read it with --data.format table (and --data.separator)"
        )
