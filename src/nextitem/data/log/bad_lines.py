"""Bad lines: which lines of a file, or rows of a table, break a rule, of what kinds, and what is done about them.

Whatever refuses a line raises a `LineError` that knows all the lines its rule refuses. `find_bad` leaves them out and
looks again, until the rest is a log: so no rule is written a second time, and what is left is what would be read if
the lines were deleted by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import polars as pl

from nextitem.errors import InputError

BadLinesRule = Literal["error", "skip"]
MOST_LISTED = 100_000  # lines; the rest are only counted
MOST = 0.5  # of all lines may be bad; above it the file is surely read in a wrong way
FILE = "bad_lines.csv"
WORDS = {"timestamp": "time", "user": "user id", "item": "item id"}  # of roles, in kinds
BEFORE = {"line": "", "row": "row "}  # the number, in FILE: lines count from 1, rows of a table from 0
T = TypeVar("T")


class LineError(InputError):
    """Lines break a rule; the message names the first.

    `found` has `place`, the line or the row, and `kind` of each that breaks it.
    """

    def __init__(self, message: str, found: pl.DataFrame) -> None:
        super().__init__(message)
        self.found = found.select(pl.col("place").cast(pl.Int64), "kind")


@dataclass(frozen=True)
class BadLines:
    """The lines of a file, or the rows of a table, that were left out."""

    name: str  # of the file
    unit: Literal["line", "row"]  # lines from 1, rows from 0
    table: pl.DataFrame  # place, kind, text; the first MOST_LISTED
    counts: tuple[tuple[str, int], ...]  # by kind
    total: int  # lines of the file, good and bad

    def __len__(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def said(self) -> str:
        """A sentence for the notes of a log."""
        were = "was" if len(self) == 1 else "were"
        listed = f"; the first {MOST_LISTED:,} are listed" if len(self) > MOST_LISTED else ""
        return (
            f"{len(self):,} of {self.total:,} {self.unit}s of {self.name} {were} left out (data.bad_lines skip): "
            f"{told_kinds(self.counts)}{listed}"
        )


@dataclass(frozen=True)
class Found(Generic[T]):
    """What is bad, and what the rest is."""

    bad: pl.DataFrame  # place, kind; ascending
    rest: T | None  # None: over half is bad, or something else is wrong
    fault: InputError | None  # that something


def find_bad(bad: pl.DataFrame | None, attempt: Callable[[pl.DataFrame], T], total: int) -> Found[T]:
    """Leave out what `attempt` refuses until it refuses no line of the rest; `bad` is what is known from the start."""
    found = pl.DataFrame(schema={"place": pl.Int64, "kind": pl.String}) if bad is None else _once(bad)
    while len(found) <= MOST * total:
        try:
            return Found(found, attempt(found), None)
        except LineError as error:
            more = _once(pl.concat([found, error.found]))
            if len(more) == len(found):
                return Found(found, None, error)
            found = more
        except InputError as error:
            return Found(found, None, error)
    return Found(found, None, None)


def settle(
    rule: BadLinesRule, first: LineError, found: Found[T], name: str, unit: Literal["line", "row"], total: int
) -> tuple[T, BadLines]:
    """The rest beside what was left out, its texts yet to be told; `first` is what was refused first.

    Raises:
        InputError: bad lines are an error, over half is bad, or something else is wrong too.
    """
    counts = counted(found.bad)
    count = sum(number for _, number in counts)
    are = "is" if count == 1 else "are"
    place = found.bad["place"][0]
    where = "" if place == first.found["place"].min() else f", the first in {unit} {place}"
    how_many = f"{count:,} of {total:,} {unit}s {are} bad{where}: {told_kinds(counts)}"
    if count > MOST * total:
        raise InputError(
            f"{first}; {how_many}; that is over half, so the format or a column is probably another"
        ) from first
    if rule == "error":
        if found.fault is not None:  # what else is wrong no skipping mends
            raise InputError(f"{first}; at least {how_many}") from first
        raise InputError(f"{first}; {how_many} (--data.bad_lines skip leaves them out)") from first
    if found.rest is None:
        raise InputError(str(found.fault)) from found.fault
    texts = found.bad.head(MOST_LISTED).with_columns(text=pl.lit(None, pl.String))
    return found.rest, BadLines(name, unit, texts, counts, total)


def counted(bad: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    """(kind, how many), the most first."""
    kinds = bad.group_by("kind").len("count").sort(["count", "kind"], descending=[True, False])
    return tuple((str(kind), int(count)) for kind, count in kinds.rows())


def told_kinds(counts: tuple[tuple[str, int], ...]) -> str:
    """
    >>> told_kinds((("blank item id", 2), ("time that cannot be read", 1)))
    '2 blank item ids, 1 time that cannot be read'
    """
    return ", ".join(f"{count:,} {kind if count == 1 else _plural(kind)}" for kind, count in counts)


def kinds_of_text(role: str, text: pl.Expr) -> pl.Expr:
    """The kind of a text that is no time, rating or the like: missing, or one that cannot be read."""
    word = WORDS.get(role, role)
    is_missing = text.is_null() | (text.cast(pl.String).str.strip_chars().str.len_bytes() == 0)
    return pl.when(is_missing).then(pl.lit(f"missing {word}")).otherwise(pl.lit(f"{word} that cannot be read"))


def listed(bad: tuple[BadLines, ...]) -> bytes:
    """The file that lists bad lines: CSV of file, line (or row), kind and text."""
    tables = []
    for one in bad:
        place = pl.concat_str(pl.lit(BEFORE[one.unit]), "place")
        tables.append(one.table.select(file=pl.lit(one.name), line=place, kind="kind", text="text"))
    return pl.concat(tables).write_csv().encode()


def _once(bad: pl.DataFrame) -> pl.DataFrame:
    """Each place with the first kind that was found of it."""
    return bad.unique("place", keep="first", maintain_order=True).sort("place")


def _plural(kind: str) -> str:
    noun, rest = re.fullmatch(r"(.*?)((?: that | with | before ).*)?", kind).groups()  # type: ignore[union-attr]
    return f"{noun}s{(rest or '').replace(' that is ', ' that are ')}"
