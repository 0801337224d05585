"""The knowledge graph of a log that was opened, in its numbers: one that is named, or the one that stands beside it."""

from __future__ import annotations

from pathlib import Path

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.side.triples import Triples
from nextitem.data.sources.beside import beside_source
from nextitem.data.sources.opening import locate
from nextitem.data.sources.side_tables import attach, read_side
from nextitem.data.synthetic import SYNTHETIC
from nextitem.errors import InputError

ROLES = ("knowledge", "links")


def graph_of(
    source: str, opened: Interactions | Dataset, named: dict[str, Path]
) -> tuple[Triples | None, tuple[str, ...]]:
    """The graph, None without one, and what is to be said of it. `named`: paths by the fields of SideTables; without
    one it is what `data.side beside` takes, and a graph there that does not fit the log is only told of.

    Raises:
        InputError: a graph that is named cannot be read or does not fit, or a prepared data set is to have another.
    """
    if isinstance(opened, Dataset):
        if named:
            raise InputError(f"{source} is prepared already, with its graph or without one; leave the graph out")
        return opened.knowledge, ()
    paths = named or _beside(source)
    if not paths:
        return None, ()
    dataset = Dataset.from_interactions(opened)
    try:
        attached = attach(dataset, read_side(paths))
    except InputError as error:
        if named:
            raise
        return None, (f"the graph beside it is left out: {error}",)
    return attached.knowledge, attached.notes[len(dataset.notes) :]


def _beside(source: str) -> dict[str, Path]:
    if source in SYNTHETIC:
        return {}
    found = beside_source(source, locate(source)[0])
    return {role: found[role] for role in ROLES if role in found} if "knowledge" in found else {}
