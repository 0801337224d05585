"""Interactions: a log of (user, item, timestamp, rating) in any data frame that narwhals knows, eager or lazy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import narwhals as nw
import polars as pl
from narwhals.typing import IntoFrame

from nextitem.data.log.bad_lines import WORDS as ROLE_WORDS
from nextitem.data.log.bad_lines import BadLines, LineError
from nextitem.data.log.composite import EITHER, by_role, columns_of_user, parts_note, refuse_types
from nextitem.data.log.frames import Frame, collected, num_rows, to_polars, with_row
from nextitem.data.log.id_rules import has_nul, is_blank
from nextitem.data.log.kinds import Kinds, bad_kinds, read_kinds
from nextitem.data.log.ratings import READ, bad_ratings, read_ratings
from nextitem.data.log.times import Times, read_times
from nextitem.data.log.units import UNITS, WORDS, TimeUnit
from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class Terms:
    """How the columns of a table are read, and what errors call them."""

    columns: Mapping[str, str]  # role -> column, as the source calls it
    name: str = "the data frame"
    way_out: str | None = None  # of a wrong number, where no other column can be named
    time_format: str | None = None  # of dates that are text, as strptime has it
    time_unit: TimeUnit | None = None  # of times that are whole numbers already, whatever their size
    says_date: bool = False  # the name of the time's column does
    kinds: Kinds | None = None  # the rating's column has such words, and these are their numbers
    needs_rating: bool = True  # else ratings that cannot be read are left out, and said
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interactions:
    """A checked log of interactions, in any data frame.

    `frame` has the columns

    - `row`: the place in the log (`frames.with_row`), which decides between equal timestamps;
    - `user`, `item`: integers or strings;
    - `timestamp` (optional): whole numbers of `time_unit` since 1970;
    - `rating` (optional): a number;
    - `part` (optional): 0 train, 1 valid, 2 test, where the log came in three files.
    """

    frame: Frame
    notes: tuple[str, ...] = ()  # what reading changed, to be said once
    time_unit: TimeUnit = "s"  # the coarsest that loses nothing of the times
    time_source: str = "none"  # what the times were: seconds, milliseconds, microseconds, nanoseconds, dates
    unread_ratings: str = ""  # why a column of ratings was left out
    bad_lines: tuple[BadLines, ...] = field(default=(), compare=False)  # left out of its files, where asked for
    kinds: Kinds | None = None  # the words that the ratings were, and their numbers

    @classmethod
    def from_frame(
        cls,
        frame: IntoFrame,
        *,
        user: str | Sequence[str] = "user",
        item: str = "item",
        timestamp: str | None = "timestamp",
        rating: str | None = None,
        row: str | None = None,
        part: str | None = None,
        time_format: str | None = None,
        time_unit: TimeUnit | None = None,
        name: str = "the data frame",
        notes: tuple[str, ...] = (),
    ) -> Interactions:
        """Take the named columns of a polars (eager or lazy), pandas, Modin, cuDF, pyarrow, DuckDB or Spark frame.

        A lazy frame stays lazy; its rows are looked at here, for the checks. Several columns may be the user together:
        their values are joined (`composite`). `timestamp=None` says that the rows are in time order already. Times are
        dates, text or numbers, which count seconds, milliseconds, microseconds or nanoseconds by their size
        (`units.RANGES`), unless `time_unit` names what whole numbers count. `time_format` is that of dates as text, as
        strptime has it. `row` is a column of integers that ascend in the order of the log, for tables without an order
        of their own; `part` one of 0, 1, 2 for train, valid, test. `name` is what errors say.

        Raises:
            InputError: a column is missing, the frame is empty, an id is missing, blank or has a NUL byte, a timestamp
                is neither number nor date, or lies before 1970.
        """
        table: Frame = nw.from_native(frame)
        users = columns_of_user(user)
        of_user = [("user", column) for column in users]
        others = [("item", item), ("timestamp", timestamp), ("rating", rating), ("part", part)]
        named = [(role, column) for role, column in (("row", row), *of_user, *others) if column is not None]
        schema = table.collect_schema()
        known = schema.names()
        for role, column in named:
            if column not in known:
                way_out = " (timestamp=None: the order of the rows)" if role == "timestamp" else ""
                raise InputError(f'{name} has no column "{column}" for the {role}; {suggest(column, known)}{way_out}')
        if users[1:]:
            refuse_types(schema, users, name)
            notes = (*notes, *parts_note(users))
        table = table.select(by_role((role, nw.col(column)) for role, column in named))
        columns = dict(named) | {"user": EITHER.join(users)}
        terms = Terms(columns, name, time_format=time_format, time_unit=time_unit, notes=notes)
        return cls.from_roles(table, terms)

    @classmethod
    def from_roles(cls, table: Frame, terms: Terms) -> Interactions:
        """A log of a table whose columns are called by their roles; `line`, if it is there, names places in errors.

        Raises:
            InputError: as `from_frame`.
        """
        if "row" not in terms.columns:
            table = with_row(table)
        table = table.with_columns([_as_id(table, role, terms.name) for role in ("user", "item")])
        _refuse_missing(table, terms.columns, terms.name)
        numbers = read_numbers(table, terms)
        table = numbers.frame
        if "line" in table.collect_schema().names():
            table = table.drop("line")
        notes = (*terms.notes, *numbers.notes)
        return cls(table, notes, numbers.time_unit, numbers.time_source, numbers.unread_ratings, kinds=numbers.kinds)

    def __len__(self) -> int:
        return num_rows(self.frame)

    @property
    def has_timestamps(self) -> bool:
        """Whether the log says when its interactions were."""
        return "timestamp" in self.frame.collect_schema().names()

    @property
    def has_ratings(self) -> bool:
        """Whether the log has a rating beside every interaction."""
        return "rating" in self.frame.collect_schema().names()

    def ratings_for(self, what: str, way_out: str) -> None:
        """Refuse a log without ratings for `what` needs them; `way_out` ends the message.

        Raises:
            InputError: the log has none, or none that can be read.
        """
        if self.has_ratings:
            return
        if self.unread_ratings:
            raise InputError(f"{what} needs ratings, and they cannot be read: {self.unread_ratings}")
        raise InputError(f"{what} needs a rating column; the log has none (name it with --data.rating, or {way_out})")


@dataclass(frozen=True)
class Numbers:
    """A table whose columns `timestamp` and `rating`, where it has them, are numbers; the rest as in Interactions."""

    frame: Frame
    time_unit: TimeUnit
    time_source: str
    unread_ratings: str
    notes: tuple[str, ...]
    kinds: Kinds | None = None  # of which the ratings were read


def read_numbers(table: Frame, terms: Terms) -> Numbers:
    """The times and ratings of a table that has `line` or `row`, by which errors name a place.

    Raises:
        InputError: a time is none, or a rating that is needed.
    """
    notes: tuple[str, ...] = ()
    times, why = Times(table, "s", "none"), ""
    if "timestamp" in terms.columns:
        times = _times(table, terms)
        table = times.frame
    if terms.kinds is not None and "rating" in terms.columns:
        return _with_kinds(table, terms, terms.kinds, times)
    if "rating" in terms.columns:
        table, why = read_ratings(table, terms.name, terms.columns["rating"], terms.way_out)
    if why and terms.needs_rating:
        dtype = table.collect_schema()["rating"]
        raise LineError(why, bad_ratings(table)) if dtype.is_numeric() or dtype in READ else InputError(why)
    if why:
        table = table.drop("rating")
        # Without a place: who scans a file knows its lines as little as an engine does, and all roads say the same.
        notes = (
            "the ratings were left out, since nothing asks for them and not all are numbers; name their column with "
            "--data.rating to be told which",
        )
    return Numbers(table, times.unit, times.source, why, (*notes, *times.notes))


def _with_kinds(table: Frame, terms: Terms, kinds: Kinds, times: Times) -> Numbers:
    key = "line" if "line" in table.collect_schema().names() else "row"
    read, why, said = read_kinds(table, terms.name, kinds, "rating")
    if why:
        raise LineError(why, bad_kinds(to_polars(table), kinds, "rating", key)) if kinds else InputError(why)
    return Numbers(read, times.unit, times.source, "", (said, *times.notes), kinds)


def _as_id(table: Frame, role: str, name: str) -> nw.Expr:
    dtype = table.collect_schema()[role]
    if dtype == nw.UInt64 and (collected(table.select(nw.col(role).max()))[role][0] or 0) > 2**63 - 1:
        return nw.col(role).cast(nw.String)  # a hash, say; it fits text only
    if dtype.is_integer():
        return nw.col(role).cast(nw.Int64)
    if dtype in (nw.String, nw.Object, nw.Categorical, nw.Enum):
        return nw.col(role).cast(nw.String)
    if dtype.is_nested():
        raise InputError(
            f"{name}: a row has one {role}, an integer or a string, found {dtype}; write one row for each (explode)"
        )
    raise InputError(f"{name}: {role} ids must be integers or strings, found {dtype}; cast the column first")


def _times(table: Frame, terms: Terms) -> Times:
    if terms.time_unit is None:
        return read_times(table, terms.name, terms.time_format, terms.way_out, says_date=terms.says_date)
    if terms.time_unit not in UNITS:
        raise InputError(f"{terms.name}: times count one of {', '.join(UNITS)}, found time_unit={terms.time_unit!r}")
    if not table.collect_schema()["timestamp"].is_integer():
        raise InputError(f"{terms.name}: time_unit is of whole numbers; leave it out, or cast the timestamps first")
    return Times(table.with_columns(nw.col("timestamp").cast(nw.Int64)), terms.time_unit, WORDS[terms.time_unit])


def _refuse_missing(table: Frame, columns: Mapping[str, str], name: str) -> None:
    """One look at all rows: are there any, is a value missing, is a text no id? Ratings, and times as text, are looked
    at later."""
    schema = table.collect_schema()
    missing, no_ids = {}, {}
    for role in columns:
        if role == "rating" or (role == "timestamp" and schema[role] == nw.String):
            continue
        missing[role] = nw.col(role).is_null()
        if schema[role].is_numeric():  # of whole numbers to the same end: every one is read, so that none fails later
            missing[role] = missing[role] | ~nw.col(role).cast(nw.Float64).is_finite()
        if schema[role] == nw.String:
            no_ids[role] = is_blank(role) | has_nul(role)
    kinds = {
        "missing or non-finite values": missing,
        "texts that are no ids (empty, white space alone, or with a NUL byte)": no_ids,
    }
    counts = [
        rule.cast(nw.Int64).sum().alias(f"{role} {place}")
        for place, rules in enumerate(kinds.values())
        for role, rule in rules.items()
    ]
    found = collected(table.select(nw.len().alias("rows"), *counts))
    if found["rows"][0] == 0:
        raise InputError(f"{name} is empty: it has no interaction")
    for place, (kind, rules) in enumerate(kinds.items()):
        for role, rule in rules.items():
            if count := found[f"{role} {place}"][0]:
                first = collected(table.filter(rule).select(nw.col("row").min()))["row"][0]
                raise LineError(
                    f'{name}: column "{columns[role]}" has {count} {kind}, '
                    f"the first in row {first}; drop or fill those rows",
                    _kinds_of_rows(table, list(missing)),
                )


def _kinds_of_rows(table: Frame, roles: list[str]) -> pl.DataFrame:
    """`place` and `kind` of the rows that `_refuse_missing` refuses."""
    schema = table.collect_schema()
    found = []
    for role in roles:
        word = ROLE_WORDS.get(role, role)
        rules = {f"missing {word}": nw.col(role).is_null()}
        if schema[role].is_float():
            rules[f"{word} that is no finite number"] = ~nw.col(role).is_finite()
        if schema[role] == nw.String:
            rules |= {f"blank {word}": is_blank(role), f"{word} with a NUL byte": has_nul(role)}
        for kind, rule in rules.items():
            places = collected(table.filter(rule).select("row")).to_polars()["row"]
            found.append(pl.DataFrame({"place": places.cast(pl.Int64)}).with_columns(kind=pl.lit(kind)))
    return pl.concat(found)
