"""Clean copies: a text file whose bad lines are blank, so that what is left is read by the rules of every other file.

A blank line is no row, and the lines below keep their numbers.
"""

from __future__ import annotations

import atexit
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
import polars as pl

from nextitem.data.log.bad_lines import BadLines, LineError, find_bad, settle
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.files import whole
from nextitem.data.sources.formats.format import Format, Options, Reading
from nextitem.data.sources.formats.quoting import QUOTE
from nextitem.data.sources.formats.tables import dialect_of
from nextitem.errors import InputError
from nextitem.writing import write

LINE_END = ord("\n")
WHITE = np.frombuffer(b" \t\r\n\x0b\x0c", np.uint8)


@dataclass(frozen=True)
class Past:
    """A file without its bad lines."""

    reading: Reading
    bad: BadLines
    content: bytes  # of the file, with blanks in their place


def past_bad_lines(path: Path, format: Format, options: Options, first: LineError) -> Past:
    """What is left of a file that was refused with `first`.

    Raises:
        InputError: bad lines are an error, over half is bad, or something else is wrong too; it says how many are bad.
    """
    content = whole(path)
    with TemporaryDirectory(prefix="nextitem-") as folder:
        text = Text(content, _quote(path, content, Path(folder), format, options, first))
        total = text.num_filled - format.has_header
        # A name of its own for each: polars may have mapped the one before.
        copies = (Path(folder) / str(number) / path.name for number in range(len(text.starts) + 1))

        def attempt(bad: pl.DataFrame) -> Reading:
            copy = next(copies)
            copy.parent.mkdir()
            write(copy, text.without(bad["place"]))
            try:
                return format.read(copy, options)
            except LineError:
                raise
            except InputError as error:
                raise InputError(str(error).replace(str(copy), str(path))) from error
            finally:
                copy.unlink()

        found = find_bad(first.found, attempt, total)
        reading, bad = settle(options.bad_lines, first, found, path.name, "line", total)
    lines = text.lines(bad.table["place"], format.encoding)
    bad = replace(bad, table=bad.table.with_columns(text=pl.Series(lines, dtype=pl.String)))
    return Past(replace(reading, log=told(reading.log, bad)), bad, text.without(found.bad["place"]))


def told(log: Interactions, bad: BadLines) -> Interactions:
    """The log, which says what was left out of it."""
    return replace(log, notes=(*log.notes, bad.said), bad_lines=(bad,))


def kept_copy(path: Path, content: bytes) -> Path:
    """A file of the same name that lasts as long as this process, for a log that is scanned again and again."""
    folder = Path(mkdtemp(prefix="nextitem-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write(folder / path.name, content)
    return folder / path.name


@dataclass(frozen=True)
class Text:
    """The bytes of a file and where its lines are."""

    content: bytes
    quote: str | None  # what may hold a line's end within a field

    @cached_property
    def codes(self) -> np.ndarray:
        return np.frombuffer(self.content, np.uint8)

    @cached_property
    def starts(self) -> np.ndarray:
        """Of every line; one behind the last line end is none if it is empty."""
        starts = np.concatenate([[0], np.flatnonzero(self.codes == LINE_END) + 1])
        return starts[:-1] if starts[-1] == len(self.codes) and len(starts) > 1 else starts

    @cached_property
    def ends(self) -> np.ndarray:
        """Behind the line end."""
        return np.append(self.starts[1:], len(self.codes))

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The places of the lines in which the row of each line begins and ends; others only where quotes are."""
        places = np.arange(len(self.starts))
        if self.quote is None:
            return places, places
        quotes = np.add.reduceat(self.codes == ord(self.quote), self.starts, dtype=np.int64)
        closed = np.flatnonzero(np.cumsum(quotes) % 2 == 0)
        which = np.searchsorted(closed, places)
        return np.append(0, closed + 1)[which], np.append(closed, len(places) - 1)[which]

    @cached_property
    def num_filled(self) -> int:
        """Lines that are not blank."""
        return int(np.add.reduceat(~np.isin(self.codes, WHITE), self.starts).astype(bool).sum())

    def without(self, lines: pl.Series) -> bytes:
        """The bytes, with nothing but line ends in the rows that these lines, counted from 1, are of."""
        (first, last), bad = self.rows, lines.to_numpy() - 1
        change = np.zeros(len(self.starts) + 1, np.int64)
        np.add.at(change, first[bad], 1)
        np.add.at(change, last[bad] + 1, -1)
        is_bad = np.cumsum(change[:-1]) > 0
        is_gone = np.repeat(is_bad, self.ends - self.starts) & (self.codes != LINE_END)
        return self.codes[~is_gone].tobytes()

    def lines(self, lines: pl.Series, encoding: str) -> list[str]:
        """The text of the rows that these lines are of."""
        (first, last), bad = self.rows, lines.to_numpy() - 1
        places = zip(self.starts[first[bad]].tolist(), self.ends[last[bad]].tolist(), strict=True)
        return [self.content[start:end].decode(encoding, errors="replace").rstrip("\r\n") for start, end in places]


def _quote(path: Path, content: bytes, folder: Path, format: Format, options: Options, first: LineError) -> str | None:
    """What quotes the fields of a file, told without its NUL bytes, which would hide it.

    Raises:
        InputError: its quotes are not proper.
    """
    if not format.has_quotes or QUOTE.encode() not in content:
        return None
    copy = folder / path.name
    write(copy, content.replace(b"\0", b""))
    try:
        return dialect_of(copy, "table", options.separator, options.quote).quote
    except InputError as error:
        refused = str(first) if options.bad_lines == "error" else str(error).replace(str(copy), str(path))
        raise InputError(refused) from error
    finally:
        copy.unlink()
