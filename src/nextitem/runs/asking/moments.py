"""Moments: the times of a question, told as a log tells them, in the whole numbers that a model learned from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import narwhals as nw
import polars as pl

from nextitem.data.log.times import read_times
from nextitem.data.log.units import PER_SECOND, TimeUnit
from nextitem.errors import InputError


def in_unit(times: Sequence[object], unit: TimeUnit | None) -> list[int]:
    """Numbers, told by their size, or dates, as whole numbers of `unit`, rounded down; of their own where it is None.

    >>> in_unit(["2014-04-07", "2014-04-07 00:00:09"], "s"), in_unit([1_500_000_000, 1_500_000_001.5], "ms")
    ([1396828800, 1396828809], [1500000000000, 1500000001500])

    Raises:
        InputError: one is neither number nor date, or they are of several spellings.
    """
    texts = pl.Series("timestamp", [str(one) for one in times], dtype=pl.String)
    try:
        read = read_times(nw.from_native(texts.to_frame().with_row_index("row")), "times")
    except InputError as error:
        raise InputError(
            "times are numbers such as 1396866669 (seconds since 1970), or dates such as 2014-04-07 10:31:09, all of "
            f"one spelling; found {', '.join(map(repr, times[:5]))}{', ..' if len(times) > 5 else ''}"
        ) from error
    wanted = PER_SECOND[unit or read.unit]
    return [one * wanted // PER_SECOND[read.unit] for one in read.frame.lazy().collect()["timestamp"].to_list()]


def rows_in_unit(rows: Sequence[Sequence[object]], unit: TimeUnit | None) -> list[list[int]]:
    """The same of many rows of times, which are all of one spelling.

    >>> rows_in_unit([["5", "7"], [], ["9"]], "s")
    [[5, 7], [], [9]]
    """
    told = iter(in_unit([one for row in rows for one in row], unit))
    return [list(islice(told, len(row))) for row in rows]
