"""Identity: what makes the data of two runs the same, beside the numbered rows all that a run depends on.

The same log gives the same digests on every machine and engine.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError

DATA_FORMAT = 2  # of what data.json says; 1 had a digest of the numbered rows alone


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Sizes and digests. Ratings are in it where they weigh, since nothing else asks for them once rows are chosen."""
    rows = dataset.sequences if dataset.sequences.is_packed else dataset.sequences.packed()
    tables = {"user_attributes": dataset.user_attributes, "item_attributes": dataset.item_attributes}
    graphs = {"knowledge": dataset.knowledge, "trust": dataset.trust}
    digests = {
        "rows": _digest(rows.starts.astype("<i8"), rows.items.astype("<i4")),
        "users": _digest(*_ids(dataset.users)),
        "items": _digest(*_ids(dataset.items)),
        "times": None if rows.timestamps is None else _digest(*_times(dataset, rows)),
        "weights": None if rows.weights is None else _digest(rows.weights.astype("<f4")),
        "parts": None if dataset.parts is None else _digest(dataset.parts.astype("i1")),
        **{name: None if table is None else _digest(*_cells(table)) for name, table in tables.items()},
        **{name: None if graph is None else _digest(*_edges(graph)) for name, graph in graphs.items()},
    }
    return {
        "format": DATA_FORMAT,
        "name": dataset.name,
        "users": dataset.num_users,
        "items": dataset.num_items,
        "interactions": dataset.num_interactions,
        "time_unit": dataset.time_unit,
        **({} if dataset.kinds is None else {"kinds": {kind: float(one) for kind, one in dataset.kinds.items()}}),
        "sha256": _digest(json.dumps(digests).encode()),
        "digests": digests,
    }


def difference(kept: dict[str, Any], found: dict[str, Any]) -> str:
    """What of the data is no longer what a run was made on; empty where it is the same. A name may change.

    Raises:
        InputError: the run is of a version whose digest leaves too much out to tell.
    """
    if kept.get("format") != DATA_FORMAT:
        raise InputError(
            "an older version of nextitem wrote down sizes and numbered rows only; whether ids, times and side tables "
            "are those of the run cannot be told (recommend and show still work; train again with --again)"
        )
    for size in ("users", "items", "interactions"):
        if kept[size] != found[size]:
            return f"it has {found[size]:,} {size}, not {kept[size]:,}"
    if kept["sha256"] == found["sha256"]:
        return ""
    others = [name for name, digest in found["digests"].items() if kept["digests"].get(name) != digest]
    spoken = {"users": "user ids", "items": "item ids", "rows": "items of its rows"}
    return f"of the same size, but other {', '.join(spoken.get(name, name.replace('_', ' ')) for name in others)}"


def _times(dataset: Dataset, rows: Sequences) -> tuple[np.ndarray | bytes, ...]:
    """With the unit that they count: 5 s are not 5 ms."""
    assert rows.timestamps is not None
    return rows.timestamps.astype("<i8"), dataset.time_unit.encode()


def _ids(ids: IdMap) -> tuple[np.ndarray | bytes, ...]:
    """As text, in order: 50 and "50" are the same id."""
    texts = ids.column.cast(pl.String)
    return texts.str.len_bytes().to_numpy().astype("<i8"), "".join(texts.to_list()).encode()


def _cells(table: pl.DataFrame) -> tuple[bytes, ...]:
    return str(table.schema).encode(), table.write_ndjson().encode()


def _edges(graph: Triples) -> tuple[np.ndarray | bytes, ...]:
    edges = tuple(column.astype("<i4") for column in (graph.heads, graph.relations, graph.tails))
    return (*edges, *_ids(graph.others), *_ids(graph.relation_names))


def _digest(*contents: np.ndarray | bytes) -> str:
    """Of contents one after the other, each with its size, so that none can pass for part of another."""
    digest = hashlib.sha256()
    for content in contents:
        bytes_of = content if isinstance(content, bytes) else np.ascontiguousarray(content).data.cast("B")
        digest.update(len(bytes_of).to_bytes(8, "little"))
        digest.update(bytes_of)
    return digest.hexdigest()
