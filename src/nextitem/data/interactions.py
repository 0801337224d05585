"""Interactions: a log of (user, item, timestamp, rating) in any eager data frame that narwhals knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw

from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class Interactions:
    """A checked log. `frame` has the columns

    - `user`, `item`: integers or strings;
    - `timestamp` (optional): a number, in seconds, kept in full precision until the log is sorted;
    - `rating` (optional): a number;
    - `row`: the place in the log, counted from 0, which decides between equal timestamps.
    """

    frame: nw.DataFrame[Any]

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        user: str = "user",
        item: str = "item",
        timestamp: str | None = "timestamp",
        rating: str | None = None,
        name: str = "the data frame",
    ) -> Interactions:
        """Take the named columns of a polars, pandas, Modin, cuDF or pyarrow frame (a lazy frame is collected).

        `timestamp=None` says that the rows are in time order already. `name` is what errors call the source.

        Raises:
            InputError: a column is missing, the frame is empty, an id is missing, a timestamp is not a number.
        """
        table = nw.from_native(frame)
        roles = {"user": user, "item": item, "timestamp": timestamp, "rating": rating}
        columns = {role: column for role, column in roles.items() if column is not None}
        known = table.collect_schema().names()
        for role, column in columns.items():
            if column not in known:
                raise InputError(f'{name} has no column "{column}" for the {role}; {suggest(column, known)}')
        table = table.select(nw.col(column).alias(role) for role, column in columns.items())
        if isinstance(table, nw.LazyFrame):
            table = table.collect()
        if len(table) == 0:
            raise InputError(f"{name} is empty: it has no interaction")
        table = table.with_columns(_as_id(table, role, name) for role in ("user", "item"))
        table = table.with_columns(_as_number(table, role, name) for role in ("timestamp", "rating") if role in columns)
        table = table.with_row_index("row")
        for role in columns:
            _refuse_missing(table, role, columns[role], name)
        return cls(table)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def has_timestamps(self) -> bool:
        return "timestamp" in self.frame.columns

    @property
    def has_ratings(self) -> bool:
        return "rating" in self.frame.columns


def _as_id(table: nw.DataFrame[Any], role: str, name: str) -> nw.Expr:
    dtype = table.schema[role]
    if dtype == nw.UInt64 and table[role].max() > 2**63 - 1:  # a hash, say; it fits text only
        return nw.col(role).cast(nw.String)
    if dtype.is_integer():
        return nw.col(role).cast(nw.Int64)
    if dtype in (nw.String, nw.Object, nw.Categorical, nw.Enum):
        return nw.col(role).cast(nw.String)
    raise InputError(f"{name}: {role} ids must be integers or strings, found {dtype}; cast the column first")


def _as_number(table: nw.DataFrame[Any], role: str, name: str) -> nw.Expr:
    dtype = table.schema[role]
    if dtype.is_numeric():
        return nw.col(role)
    if dtype in (nw.Datetime, nw.Date) and role == "timestamp":
        moment = nw.col(role) if dtype == nw.Datetime else nw.col(role).cast(nw.Datetime("us"))
        return moment.dt.timestamp("us") / 1_000_000
    raise InputError(f"{name}: a {role} must be a number, found {dtype}; cast the column first")


def _refuse_missing(table: nw.DataFrame[Any], role: str, column: str, name: str) -> None:
    missing = nw.col(role).is_null()
    if table.schema[role].is_float():
        missing = missing | ~nw.col(role).is_finite()
    rows = table.filter(missing)
    if len(rows):
        raise InputError(
            f'{name}: column "{column}" has {len(rows)} missing or non-finite values, '
            f"the first in row {rows['row'][0]}; drop or fill those rows"
        )
