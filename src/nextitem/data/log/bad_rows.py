"""Bad rows: a table of any frame without its rows that break a rule, or how many these are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import narwhals as nw
import polars as pl

from nextitem.data.log.bad_lines import BadLinesRule, LineError, find_bad, settle
from nextitem.data.log.frames import Frame, to_polars
from nextitem.data.log.interactions import Interactions


def past_bad_rows(
    table: Frame, name: str, rule: BadLinesRule, first: LineError, read: Callable[[Frame], Interactions]
) -> Interactions:
    """The log of a table that was refused with `first`, without its bad rows. `read` takes a table with a column `row`.

    The rows are worked out by polars from here on, whatever the engine: the same on all of them.

    Raises:
        InputError: bad rows are an error, over half is bad, or something else is wrong too; it says how many are bad.
    """
    here = to_polars(table)
    if isinstance(table, nw.DataFrame):
        here = here.collect().lazy()
    numbered = here.with_row_index("row")
    total = int(here.select(pl.len()).collect(engine="streaming").item())

    def attempt(bad: pl.DataFrame) -> Interactions:
        rest = numbered.filter(~pl.col("row").cast(pl.Int64).is_in(bad["place"].implode()))
        return read(nw.from_native(rest.collect() if isinstance(table, nw.DataFrame) else rest))

    log, bad = settle(rule, first, find_bad(None, attempt, total), name, "row", total)
    text = pl.struct(pl.exclude("row").cast(pl.String, strict=False)).struct.json_encode()
    wanted = pl.col("row").cast(pl.Int64).is_in(bad.table["place"].implode())
    texts = numbered.filter(wanted).select(place=pl.col("row").cast(pl.Int64), text=text)
    listing = bad.table.drop("text").join(texts.collect(engine="streaming"), on="place", how="left")
    bad = replace(bad, table=listing.sort("place"))
    return replace(log, notes=(*log.notes, bad.said), bad_lines=(bad,))
