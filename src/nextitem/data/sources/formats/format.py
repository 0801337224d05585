"""Format: one form that a log may have in a file, as one object: how it is told, and how it is read.

Each stands beside its reader; `reading.FORMATS` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from nextitem.data.log.bad_lines import BadLinesRule
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.dialect import SEPARATORS, header_separator
from nextitem.data.sources.formats.files import HEAD_BYTES, first_lines, is_parquet
from nextitem.data.sources.formats.quoting import Quote
from nextitem.data.sources.formats.roles import Roles, looks_like_header
from nextitem.data.sources.formats.white_space import Told, tell

BRACKETS = ("{", "[")  # of JSON, or of a Python literal
COLUMNS = frozenset(
    {"user", "item", "timestamp", "rating", "time_format", "where"}
)  # what a form with named columns takes
UNREAD = "-"


@dataclass(frozen=True)
class Options:
    """What is asked of a reader beside the file."""

    roles: Roles = field(default_factory=Roles)
    separator: str | None = None
    quote: Quote = "auto"
    bad_lines: BadLinesRule = "error"

    def given(self) -> list[tuple[str, str]]:
        """(option, value) of every option that says something; "none" in place of a column is none."""
        given = self.roles.names()
        if self.roles.time_format is not None:
            given.append(("time_format", self.roles.time_format))
        return given


@dataclass(frozen=True)
class Reading:
    """A log, and what its reader saw of the file."""

    log: Interactions
    columns: tuple[tuple[str, str], ...]  # (name or place, role; UNREAD: not read), in the order of the file
    times: str = ""  # what the times of the file are, where `log.time_source` does not tell
    order: str = "the order of the file"  # what is taken for the order of time, where there are no times
    oddities: tuple[str, ...] = ()  # what is legal but odd, and not worth a note at every run

    def of_log(self, log: Interactions) -> Reading:
        """With a log that may lack the times or the ratings of the file; their columns are then not read."""
        has = {"user": True, "item": True, "timestamp": log.has_timestamps, "rating": log.has_ratings}
        columns = []
        for name, roles in self.columns:
            kept = [role for role in roles.split(AND) if has.get(role, True)]
            columns.append((name, AND.join(kept) or UNREAD))
        return replace(self, log=log, columns=tuple(columns))


AND = " and "  # between two roles of one column


def columns_read(names: Sequence[str], roles: Iterable[tuple[str, int]]) -> tuple[tuple[str, str], ...]:
    """`Reading.columns` by (role, place among the names).

    >>> columns_read(["a", "b", "c"], [("user", 2), ("timestamp", 0), ("rating", 0)])
    (('a', 'timestamp and rating'), ('b', '-'), ('c', 'user'))
    """
    found: list[list[str]] = [[] for _ in names]
    for role, place in roles:
        found[place].append(role)
    return tuple((name, AND.join(of_name) or UNREAD) for name, of_name in zip(names, found, strict=True))


def columns_named(names: Sequence[str], roles: Roles) -> tuple[tuple[str, str], ...]:
    """`columns_read` where roles name their columns."""
    return columns_read(names, [(role, names.index(column)) for role, column in roles.names()])


@dataclass(frozen=True)
class Head:
    """What the format of a file is told by; looked at when it is asked for."""

    path: Path

    @property
    def name(self) -> str:
        """In small letters, without .gz."""
        return self.path.name.lower().removesuffix(".gz")

    @cached_property
    def lines(self) -> list[str]:
        """The first ones that are not blank."""
        return first_lines(self.path)

    @cached_property
    def is_parquet(self) -> bool:
        return is_parquet(self.path)

    @property
    def is_csv(self) -> bool:
        return self.name.endswith((".csv", ".tsv"))

    @property
    def has_brackets(self) -> bool:
        return bool(self.lines) and self.lines[0].startswith(BRACKETS)

    @property
    def header(self) -> list[str]:
        """The fields of the first line, by the likeliest separator."""
        return self.lines[0].split(header_separator(self.path))

    @property
    def names_columns(self) -> bool:
        """Whether the first line, by any separator that it has, names a user or an item."""
        return any(looks_like_header(self.lines[0].split(one)) for one in SEPARATORS if one in self.lines[0])

    @cached_property
    def told(self) -> Told:
        """What white space tells. A user's next line, or one of another width, may stand far below the first ones."""
        return tell([] if self.has_brackets else first_lines(self.path, count=HEAD_BYTES))


@dataclass(frozen=True)
class Format:
    """A form of a log. Which of several that fit a file is meant, `reading.recognise` says."""

    name: str  # as --data.format has it
    title: str  # one line
    read: Callable[[Path, Options], Reading]  # its LineError knows all lines that break a rule, not only the first
    recognises: Callable[[Head], bool]  # by the first lines, of which there is one at least
    file_names: tuple[str, ...] = ()  # and endings, that tell by themselves
    endings: tuple[str, ...] = ()
    has_header: bool = False  # a first line of names
    takes: frozenset[str] = frozenset()  # options beside the file, COLUMNS and their kin
    is_table: bool = False  # a header over rows: any engine may scan it
    has_quotes: bool = False  # fields may stand in quotes, and go over the line's end
    encoding: str = "utf-8"


def fixed(read: Callable[[Path], Reading]) -> Callable[[Path, Options], Reading]:
    """The reader of a layout that takes no options."""
    return lambda path, _: read(path)
