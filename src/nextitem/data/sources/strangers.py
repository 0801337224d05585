"""Strangers: ids of one table that another lacks, in a log and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from nextitem.data.sources.side_tables import SideTables


@dataclass(frozen=True)
class Strangers:
    """`count` of the `total` different ids of one place are missing in another."""

    where: str  # they stand
    missing_in: str
    count: int
    total: int
    first: str | None  # in the order of the table


def strangers(log: pl.DataFrame, side: SideTables, names: Mapping[str, str]) -> list[Strangers]:
    """Every comparison that the tables allow, those without a stranger too.

    `log` has the columns user and item; `names` is what the file of each table is called, by its field of `side`.
    """
    found = []
    for table, field, role in ((side.users, "users", "user"), (side.items, "items", "item")):
        if table is not None:
            ids, name = table[table.columns[0]], names[field]
            found += [_between(ids, name, log[role], "the log"), _between(log[role], "the log", ids, name)]
    if side.links is not None:
        name = names["links"]
        items, entities = (side.links[column] for column in side.links.columns[:2])
        found += [_between(items, name, log["item"], "the log"), _between(log["item"], "the log", items, name)]
        if side.knowledge is not None:
            heads, tails = (_text(side.knowledge[side.knowledge.columns[place]]) for place in (0, 2))
            graph = pl.concat([heads, tails.alias(heads.name)])
            found.append(_between(entities, f"entities of {name}", graph, names["knowledge"]))
    if side.trust is not None:
        ends = [_text(side.trust[column]).alias("id") for column in side.trust.columns[:2]]
        in_log, of_network = log["user"], "the log"
        if side.trust_users is not None:
            in_log, of_network = side.trust_users[side.trust_users.columns[0]], names["trust_users"]
            theirs = side.trust_users[side.trust_users.columns[1]]
            found.append(_between(theirs, names["trust_users"], log["user"], "the log"))
        found.append(_between(pl.concat(ends), names["trust"], in_log, of_network))
    return found


def _between(here: pl.Series, where: str, there: pl.Series, missing_in: str) -> Strangers:
    ids = _text(here).drop_nulls().unique(maintain_order=True)
    strange = ids.filter(~ids.is_in(_text(there).unique().to_list()))
    return Strangers(where, missing_in, len(strange), len(ids), strange[0] if len(strange) else None)


def _text(column: pl.Series) -> pl.Series:
    return column.cast(pl.String)
