"""Beside: the files that belong to a log by where they stand and what they are called."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from nextitem.data.sources.formats.attributes import item_attributes_beside
from nextitem.data.sources.formats.graph_text import NUMBERED
from nextitem.data.sources.public import find_beside
from nextitem.data.sources.side_tables import SideTables

ATOMIC = {"users": ".user", "items": ".item", "knowledge": ".kg", "links": ".link", "trust": ".net"}
ENTITIES, ITEMS, RELATIONS = (f"{what}_list.txt" for what in ("entity", "item", "relation"))  # KGAT's names
NAMED = (  # RippleNet's and KGCN's graph as published, with its links
    ("kg.txt", "item_index2entity_id.txt"),
    ("kg_rehashed.txt", "item_index2entity_id_rehashed.txt"),
)
NETWORKS = (
    "trust.txt",
    "trusts.txt",
    "social.txt",
    "user_friends.dat",
    "trust.mat",
)  # LibRec, QRec, GBSR, HetRec, Ciao
MAPPED = "trust_users.csv"  # ids of trust.mat and its kin, and those of the log
# What stands beside a log and is none, though it is text.
NO_LOGS = frozenset(
    {
        ENTITIES,
        ITEMS,
        RELATIONS,
        "user_list.txt",
        NUMBERED,
        *(name for pair in NAMED for name in pair),
        *NETWORKS,
        MAPPED,
    }
)


def beside(log: Path) -> dict[str, Path]:
    """What belongs to a log: field of SideTables -> path.

    The atomic files of the stem of an .inter; X_item2attributes.json of X.txt; in the folder of any other log the graph
    of KGAT (kg_final.txt), or that of RippleNet and KGCN (kg.txt) with its links, and a network of users by its name.
    All gzipped or not.
    """
    assert {*ATOMIC, "trust_users"} == {one.name for one in fields(SideTables)}
    stem = log.name.removesuffix(".gz").removesuffix(".inter")
    if stem != log.name.removesuffix(".gz"):
        atomic = {role: _there(log, stem + ending) for role, ending in ATOMIC.items()}
        return {role: one for role, one in atomic.items() if one is not None}
    attributes = item_attributes_beside(log)
    return ({} if attributes is None else {"items": attributes}) | graph_beside(log) | network_beside(log)


def beside_source(source: str, log: Path, data_dir: str | Path | None = None) -> dict[str, Path]:
    """The same, and of a public data set what its name says stands beside it."""
    return beside(log) | find_beside(source, data_dir)


def graph_beside(log: Path) -> dict[str, Path]:
    """The graph that stands in the folder of a log, and its links, if it has some."""
    numbered, entities, items = (_there(log, name) for name in (NUMBERED, ENTITIES, ITEMS))
    if numbered is not None:
        return {"knowledge": numbered} | ({"links": items} if items and entities else {})
    for graph, its_links in NAMED:
        knowledge, links = _there(log, graph), _there(log, its_links)
        if knowledge is not None:
            return {"knowledge": knowledge} | ({"links": links} if links else {})
    return {}


def network_beside(log: Path) -> dict[str, Path]:
    """The network that stands in the folder of a log, and the map of its users, if it has one; DiffNet's is X.links
    beside X.train.rating."""
    names = (*NETWORKS, f"{log.name.partition('.')[0]}.links")
    found = {
        "trust": next((one for name in names if (one := _there(log, name))), None),
        "trust_users": _there(log, MAPPED),
    }
    return {role: one for role, one in found.items() if one is not None and found["trust"] is not None}


def links_beside(graph: Path) -> Path | None:
    """The links that belong to a graph by their name, if they are there."""
    if graph.suffix == ATOMIC["knowledge"]:
        atomic = graph.with_suffix(ATOMIC["links"])
        return atomic if atomic.is_file() else None
    names = dict(NAMED)
    name = graph.name.removesuffix(".gz")
    return _there(graph, names[name]) if name in names else None


def _there(log: Path, name: str) -> Path | None:
    """A file of the log's folder, gzipped or not."""
    places = (log.with_name(name), log.with_name(f"{name}.gz"))
    return next((one for one in places if one.is_file() and one != log), None)
