"""Network users: whoever stands in the network alone, and trusts a user of the log, as a user without interactions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.sources.side_tables import aligned
from nextitem.errors import InputError


def with_network_users(dataset: Dataset, table: pl.DataFrame | None = None) -> Dataset:
    """The data set with a user more, who met nothing, for everybody of the network who trusts one of its users.

    So models have a vector of them, which whom they trust makes what it is. They come after the others, in the order of
    their ids. Who is only trusted stays a node of the network, since nothing says what they like. `table` has the
    attributes of users, as read.

    Raises:
        InputError: there is no network.
    """
    trust = dataset.trust
    if trust is None:
        raise InputError("data.trust_strangers is of a network, and there is none; name it with --data.trust")
    is_new = np.zeros(trust.num_nodes + 1, dtype=bool)
    is_new[trust.heads[(trust.heads > trust.num_own) & (trust.tails <= trust.num_own)]] = True
    if not is_new.any():
        note = "nobody who stands in the network alone trusts a user of the data: data.trust_strangers changes nothing"
        return replace(dataset, notes=(*dataset.notes, note))
    nodes = np.arange(trust.num_own + 1, trust.num_nodes + 1)
    order = np.concatenate([nodes[is_new[nodes]], nodes[~is_new[nodes]]])  # old numbers, in the order of the new
    numbers = np.arange(trust.num_nodes + 1, dtype=np.int32)
    numbers[order] = nodes
    num_new, names = int(is_new.sum()), trust.others.column.gather(order - trust.num_own - 1)
    network = replace(
        trust,
        heads=numbers[trust.heads],
        tails=numbers[trust.tails],
        num_own=trust.num_own + num_new,
        others=IdMap(names[num_new:]),
    )
    users = _with_ids(dataset.users, names[:num_new])
    note = f"{num_new:,} of the network who are not in the log are users of the data, without interactions"
    return replace(
        dataset,
        sequences=_with_empty_rows(dataset.sequences, num_new),
        users=users,
        user_attributes=aligned(table, users, "user")[0],
        trust=network,
        notes=(*dataset.notes, note),
    )


def _with_empty_rows(rows: Sequences, count: int) -> Sequences:
    ends = np.full(count, len(rows.items), dtype=np.int64)
    return replace(rows, starts=np.concatenate([rows.starts, ends]), stops=np.concatenate([rows.stops, ends]))


def _with_ids(users: IdMap, names: pl.Series) -> IdMap:
    """Numbers, if all are; else all as text."""
    numbers = names.cast(pl.Int64, strict=False)
    if users.column.dtype == pl.Int64 and (numbers.cast(pl.String) == names).fill_null(False).all():
        return IdMap(pl.concat([users.column, numbers.alias(users.column.name)]))
    return IdMap(pl.concat([users.column.cast(pl.String), names.alias(users.column.name)]))
