"""Graphs: what a knowledge graph is like, and whether it holds what a model is to find out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nextitem.data.dataset import Dataset
from nextitem.data.ids import PAD, IdMap
from nextitem.data.side.triples import Triples
from nextitem.diagnosis.finding import Finding

MOST = 0.5  # of a relation's triples: above it they are the interactions themselves


@dataclass(frozen=True)
class GraphMeasures:
    triples: int
    entities: int  # that are in a triple, items among them
    relations: dict[str, int]  # triples of each, the most first
    items: int  # of the log
    items_linked: int  # that are in a triple
    degrees: tuple[float, ...]  # triples that an entity is in: least, quartiles, most
    components: int  # parts that no triple joins
    largest: int  # entities of the largest of them
    self_loops: int  # triples from an entity to itself
    repeats: int  # triples that stand there already
    parallel: int  # triples that join a head to a tail which an earlier one of another relation joins already


def measure_graph(graph: Triples) -> GraphMeasures:
    """Counts of a knowledge graph whose items are those of its log."""
    heads, tails = graph.heads.astype(np.int64), graph.tails.astype(np.int64)
    loops = heads == tails
    degrees = np.bincount(np.concatenate([heads, tails[~loops]]), minlength=graph.num_nodes + 1)
    nodes = np.flatnonzero(degrees)
    joined = coo_array((np.ones(len(graph)), (heads, tails)), shape=(graph.num_nodes + 1,) * 2)
    parts = connected_components(joined, directed=False)[1][nodes]
    sizes = np.unique_counts(parts).counts
    edges = pl.DataFrame({"head": heads, "relation": graph.relations, "tail": tails})
    once = edges.unique()
    counts = np.bincount(graph.relations, minlength=len(graph.relation_names) + 1)[1:]
    order = np.argsort(-counts, kind="stable")
    return GraphMeasures(
        triples=len(graph),
        entities=len(nodes),
        relations={str(graph.relation_names.column[int(one)]): int(counts[one]) for one in order},
        items=graph.num_own,
        items_linked=int((nodes <= graph.num_own).sum()),
        degrees=tuple(float(one) for one in np.quantile(degrees[nodes], [0, 0.25, 0.5, 0.75, 1])) if len(nodes) else (),
        components=len(sizes),
        largest=int(sizes.max(initial=0)),
        self_loops=int(loops.sum()),
        repeats=len(edges) - len(once),
        parallel=len(once) - len(once.unique(["head", "tail"])),
    )


def graph_findings(graph: Triples, dataset: Dataset) -> list[Finding]:
    """Relations that hold the log itself: between items and users, by their ids or by the pattern that they make."""
    ends, met = _ends(graph, dataset), _met(dataset)
    named = ends.filter(pl.col("user") != PAD)
    known = named.join(met, on=["user", "item"], how="semi")
    are_numbers = _are_numbers(dataset.users) and _are_numbers(graph.others)
    found = []
    for relation, name in enumerate(graph.relation_names.column.cast(pl.String), start=1):
        num = int((graph.relations == relation).sum())
        is_it = pl.col("relation") == relation
        interactions, of_users = (one.filter(is_it)["edge"].n_unique() for one in (known, named))
        if interactions > MOST * num:
            said = f"{interactions:,} of {num:,} triples of {name} are interactions of the log, by the user's id"
            found.append(_leak(name, said))
        elif of_users > MOST * num and not are_numbers:
            found.append(_users(name, f"{of_users:,} of {num:,} triples of {name} join an item to the id of a user"))
        elif _is_the_log(ends.filter(is_it), met):
            said = f"the triples of {name} give every item as many entities as it has users in the log"
            found.append(_leak(name, said))
    return found


def _ends(graph: Triples, dataset: Dataset) -> pl.DataFrame:
    """`edge`, `relation`, `item`, `other` (the node) and `user` (of the node's id) of either way from an item."""
    users = np.concatenate([[PAD], *(dataset.users.indices(ids.column) for ids in (dataset.items, graph.others))])
    ways = []
    for item, other in ((graph.heads, graph.tails), (graph.tails, graph.heads)):
        is_item = np.flatnonzero(item <= graph.num_own)
        columns = {
            "edge": is_item,
            "relation": graph.relations[is_item],
            "item": item[is_item],
            "other": other[is_item],
        }
        ways.append(pl.DataFrame(columns | {"user": users[other[is_item]]}).cast(pl.Int64))
    return pl.concat(ways)


def _met(dataset: Dataset) -> pl.DataFrame:
    """Every `user` and `item` of the log once."""
    rows = dataset.sequences if dataset.sequences.is_packed else dataset.sequences.packed()
    return pl.DataFrame({"user": rows.flat_rows() + 1, "item": rows.items}).cast(pl.Int64).unique()


def _is_the_log(ends: pl.DataFrame, met: pl.DataFrame) -> bool:
    """Whether items have as many entities in a relation as users in the log, all of them, whatever these are called."""
    pairs = ends.select("item", "other").unique()
    if len(pairs) != len(met):
        return False
    here, there = (one["item"].value_counts().sort("item") for one in (pairs, met))
    return here.equals(there) and here["count"].n_unique() > 1


def _are_numbers(ids: IdMap) -> bool:
    """Whether ids may coincide by being numbers."""
    return bool(ids.column.cast(pl.String).str.contains(r"^\d+$").all())


def _leak(relation: str, found: str) -> Finding:
    return Finding(
        "serious",
        "the graph holds interactions",
        found,
        "a model reads off its graph what it is tested on, whatever the split",
        f"--data.knowledge_except {relation}",
    )


def _users(relation: str, found: str) -> Finding:
    return Finding(
        "warning",
        "users in the graph",
        found,
        "what a user did after training may stand there",
        f"--data.knowledge_except {relation}, unless all of it was known before the test",
    )
