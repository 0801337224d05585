"""Network: who trusts whom, in the numbers of the users of a log."""

from __future__ import annotations

import numpy as np
import polars as pl

from nextitem.data.ids import PAD, IdMap
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError

SPELLINGS = {  # what ids may differ by: in words, and what to put its group in place of
    "spaces and the case of letters": r"\s+()",
    "zeros in front": r"^0+(.)",
    "what stands before the number": r"^\D+(\d)",
}


def trust_network(edges: pl.DataFrame, users: IdMap, same: pl.DataFrame | None = None) -> tuple[Triples, list[str]]:
    """`edges` (source, target, perhaps weight) -> the network in the numbers of `users`, and what to know.

    `same`: the id of a user in the network, and in the log, where these differ. Users who are not in the data are nodes
    after the others, with the edges between them and users of the data; edges among themselves are dropped, and so is
    what weighs 0 or less, which is distrust. Every edge that stays weighs 1. Repeats, and edges of a user to
    themselves, stay.

    Raises:
        InputError: no user of the network is in the data, no edge weighs more than 0, or `same` has an id of the
            network twice.
    """
    edges, notes = _trusted(edges.cast({"source": pl.String, "target": pl.String}))
    if same is not None:
        edges, found = _translated(edges, same)
        notes += found
    heads, tails = (users.indices(edges[end]) for end in ("source", "target"))
    if len(edges) and not (heads.any() or tails.any()):
        raise InputError(_unknown(edges, users, same is not None))
    is_kept = (heads != PAD) | (tails != PAD)
    is_inside = (heads != PAD) & (tails != PAD)
    edges, heads, tails = edges.filter(is_kept), heads[is_kept], tails[is_kept]
    strange = pl.concat([edges["source"].filter(heads == PAD), edges["target"].filter(tails == PAD).alias("source")])
    others = IdMap(strange.unique().sort().alias("id"))
    total = len(is_kept)
    if dropped := total - len(edges):
        notes.append(f"{dropped:,} of {total:,} edges of trust dropped: neither user is in the data")
    if outside := len(edges) - int(is_inside.sum()):
        notes.append(
            f"{outside:,} of {total:,} edges of trust join a user to one of {len(others):,} who are not in the data; "
            "models take the edges between users of the data"
        )
    heads, tails = (
        np.where(own != PAD, own, others.indices(edges[end]) + len(users)).astype(np.int32)
        for own, end in ((heads, "source"), (tails, "target"))
    )
    return Triples(heads, np.ones_like(heads), tails, len(users), others, IdMap.of(["trusts"])), notes


def _trusted(edges: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The edges that weigh more than nothing, and what is to be said of their other columns."""
    notes = []
    unread = [name for name in edges.columns if name not in ("source", "target", "weight")]
    if unread:
        notes.append(f"columns of the network that are not read: {', '.join(unread)}")
    if "weight" not in edges.columns:
        return edges, notes
    trusted = edges.filter(pl.col("weight").fill_null(1) > 0)
    if distrusted := len(edges) - len(trusted):
        notes.append(f"{distrusted:,} of {len(edges):,} edges of trust weigh 0 or less, and are dropped: no trust")
    if not len(trusted):
        raise InputError("no edge of the network weighs more than 0; leave the weights out if they are no trust")
    weights = trusted["weight"].drop_nulls().to_numpy()
    if weights.min() < weights.max():
        notes.append(
            f"edges of trust weigh {weights.min():g} to {weights.max():g}, which no model uses: each counts as 1"
        )
    return trusted, notes


def _translated(edges: pl.DataFrame, same: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """With the ids of the log. A user of whom `same` does not tell is nobody of the log, whatever their id."""
    own, theirs = (same[column].cast(pl.String) for column in same.columns[:2])
    if own.n_unique() < len(own):
        twice = own.filter(own.is_duplicated())[0]
        raise InputError(f"data.trust_users has the user {twice} of the network twice; keep one line of each")
    names = pl.DataFrame({"id": own, "name": theirs})
    ends = pl.concat([edges["source"], edges["target"].alias("source")]).unique().alias("id").to_frame()
    unknown = len(ends.join(names, on="id", how="anti"))
    translated = [
        edges.select(id=end)
        .join(names, on="id", how="left", maintain_order="left")
        .select(pl.coalesce("name", "network:" + pl.col("id")).alias(end))
        .to_series()
        for end in ("source", "target")
    ]
    said = f"{unknown:,} of {len(ends):,} users of the network are not in data.trust_users, and so not in the log"
    return edges.with_columns(translated), [said] if unknown else []


def _unknown(edges: pl.DataFrame, users: IdMap, is_translated: bool) -> str:
    here, there = users.column.cast(pl.String), edges["source"]
    said = f"no user of the network is in the data: one is called {there[0]!r}, in the data {here[0]!r}"
    if is_translated:
        return f"{said}, as data.trust_users has it; its columns are the id in the network, then that in the log"
    for what, pattern in SPELLINGS.items():
        mine, theirs = (ids.str.to_lowercase().str.replace_all(pattern, "$1") for ids in (here, there))
        if theirs.is_in(mine.unique().to_list()).sum() > len(theirs) / 2:
            return f"{said}; but for {what} they would be: write them alike, or map them with --data.trust_users"
    return f"{said}; name a table of the two ids with --data.trust_users"
