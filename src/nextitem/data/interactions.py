"""Interactions: a log of (user, item, timestamp, rating) in any data frame that narwhals knows, eager or lazy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from nextitem.data.frames import Frame, collected, num_rows, with_row
from nextitem.data.id_rules import has_nul, is_blank
from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class Interactions:
    """A checked log. `frame` has the columns

    - `row`: the place in the log (`frames.with_row`), which decides between equal timestamps;
    - `user`, `item`: integers or strings;
    - `timestamp` (optional): a number, in seconds, kept in full precision until the log is sorted;
    - `rating` (optional): a number;
    - `part` (optional): 0 train, 1 valid, 2 test, where the log came in three files.
    """

    frame: Frame
    notes: tuple[str, ...] = ()  # what reading changed, to be said once

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str | None = "timestamp",
        rating: str | None = None,
        row: str | None = None,
        part: str | None = None,
        name: str = "the data frame",
        notes: tuple[str, ...] = (),
    ) -> Interactions:
        """Take the named columns of a polars (eager or lazy), pandas, Modin, cuDF, pyarrow, DuckDB or Spark frame.

        A lazy frame stays lazy; its rows are looked at once here, for the checks. `timestamp=None` says that the rows
        are in time order already. `row` is a column of integers that ascend in the order of the log, for tables
        without an order of their own; `part` one of 0, 1, 2 for train, valid, test. `name` is what errors say.

        Raises:
            InputError: a column is missing, the frame is empty, an id is missing, blank or has a NUL byte, a timestamp
                is not a number.
        """
        table: Frame = nw.from_native(frame)
        roles = {"row": row, "user": user, "item": item, "timestamp": timestamp, "rating": rating, "part": part}
        columns = {role: column for role, column in roles.items() if column is not None}
        known = table.collect_schema().names()
        for role, column in columns.items():
            if column not in known:
                raise InputError(f'{name} has no column "{column}" for the {role}; {suggest(column, known)}')
        table = table.select([nw.col(column).alias(role) for role, column in columns.items()])
        if row is None:
            table = with_row(table)
        table = table.with_columns([_as_id(table, role, name) for role in ("user", "item")])
        numbers = [role for role in ("timestamp", "rating") if role in columns]
        if numbers:
            table = table.with_columns([_as_number(table, role, name) for role in numbers])
        _refuse_missing(table, columns, name)
        return cls(table, notes)

    def __len__(self) -> int:
        return num_rows(self.frame)

    @property
    def has_timestamps(self) -> bool:
        return "timestamp" in self.frame.collect_schema().names()

    @property
    def has_ratings(self) -> bool:
        return "rating" in self.frame.collect_schema().names()


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


def _as_number(table: Frame, role: str, name: str) -> nw.Expr:
    dtype = table.collect_schema()[role]
    if dtype.is_numeric():
        return nw.col(role)
    if dtype in (nw.Datetime, nw.Date) and role == "timestamp":
        moment = nw.col(role) if dtype == nw.Datetime else nw.col(role).cast(nw.Datetime("us"))
        return moment.dt.timestamp("us") / 1_000_000
    raise InputError(f"{name}: a {role} must be a number, found {dtype}; cast the column first")


def _refuse_missing(table: Frame, columns: dict[str, str], name: str) -> None:
    """One look at all rows: are there any, is a value missing, is a text no id?"""
    schema = table.collect_schema()
    missing, no_ids = {}, {}
    for role in columns:
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
                raise InputError(
                    f'{name}: column "{columns[role]}" has {count} {kind}, '
                    f"the first in row {first}; drop or fill those rows"
                )
