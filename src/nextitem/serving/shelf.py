"""Shelf: the items of a run, found by what stands in their ids and titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from nextitem.errors import InputError
from nextitem.runs.asking.recommend import Run


@dataclass(frozen=True)
class Shelf:
    run: Run

    @cached_property
    def _table(self) -> pl.DataFrame:
        """Ids and titles as they are looked for, the most popular items first where the run keeps histories."""
        ids, titles = self.run.items.column.cast(pl.String), self.run.titles
        told = pl.Series([None], dtype=pl.String).new_from_index(0, len(ids)) if titles is None else titles
        table = pl.DataFrame({"id": ids.str.to_lowercase(), "title": told.str.to_lowercase()}).with_row_index("place")
        order = np.argsort(-self._popularity, kind="stable")
        return table[order]

    @cached_property
    def _popularity(self) -> np.ndarray:  # (n,) of the items alone
        try:
            return self.run.popularity[1:]
        except InputError:  # the run keeps no histories, and the order is that of the ids
            return np.zeros(len(self.run.items), dtype=np.int64)

    def find(self, text: str, count: int) -> list[int]:
        """The indices of at most `count` items whose id or title has the text in it, whatever the case: an id that is
        the text first, then where an id, a title, or a word of a title begins with it; of equal ones the most popular.
        """
        wanted = text.strip().lower()
        table = self._table
        if not wanted:
            return (table["place"].head(count) + 1).to_list()
        found = table.filter(
            pl.col("id").str.contains(wanted, literal=True)
            | pl.col("title").str.contains(wanted, literal=True).fill_null(False)
        )
        begins = pl.col("title").str.starts_with(wanted).fill_null(False)
        within = pl.col("title").str.contains(f" {wanted}", literal=True).fill_null(False)
        kind = (
            pl.when(pl.col("id") == wanted).then(0)
            .when(begins).then(1)
            .when(pl.col("id").str.starts_with(wanted)).then(2)
            .when(within).then(3)
            .otherwise(4)
        )  # fmt: skip
        best = found.sort(kind, maintain_order=True).head(count)
        return (best["place"] + 1).to_list()

    def titles(self, ids: Sequence[object]) -> list[str | None] | None:
        """What items are called, null where that is not known; None where the run knows no titles."""
        found = self.run.titles
        if found is None:
            return None
        places = pl.Series(self.run.items.indices(ids)) - 1  # -1 of an unknown id
        return found.gather(places.set(places < 0, None)).to_list()
