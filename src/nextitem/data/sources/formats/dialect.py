"""Dialects: how the text of a table is split, said once for whatever reads it, at once or by scanning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nextitem.data.log.exact import scan_csv
from nextitem.data.sources.formats.files import first_lines

SEPARATORS = (",", "\t", ";", "|")  # what is tried when none is named


@dataclass(frozen=True)
class Dialect:
    """A first line of names, fields split by `separator`; an empty field is null, and every column is text."""

    separator: str  # one byte
    quote: str | None = '"'  # fields may stand in it; None: it is a letter like another

    def scan(self, path: Path) -> pl.LazyFrame:
        """The table, gzipped or not, lazily; polars calls the second column of one name NAME_duplicated_0."""
        return scan_csv(path, separator=self.separator, quote_char=self.quote, infer_schema=False)


ATOMIC = Dialect("\t", None)


def header_separator(path: Path) -> str:
    """The likeliest separator of the first line; a comma if it has none."""
    header = first_lines(path, count=1)
    return max(SEPARATORS, key=header[0].count) if header else ","
