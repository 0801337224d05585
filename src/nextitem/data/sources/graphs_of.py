"""The graphs of a log that was opened, in its numbers: those that are named, or that stand beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.side.triples import Triples
from nextitem.data.sources.beside import beside_source
from nextitem.data.sources.opening import locate
from nextitem.data.sources.side_tables import attach, read_side
from nextitem.data.synthetic import SYNTHETIC
from nextitem.errors import InputError

GRAPHS = {"knowledge": ("knowledge", "links"), "trust": ("trust", "trust_users")}  # fields of SideTables of each


@dataclass(frozen=True)
class Graphs:
    """What joins the items of a log, and its users."""

    knowledge: Triples | None = None
    trust: Triples | None = None
    notes: tuple[str, ...] = ()  # what is to be said of them


def graphs_of(source: str, opened: Interactions | Dataset, named: dict[str, Path]) -> Graphs:
    """`named`: paths by the fields of SideTables. Of a graph that none names, it is what `data.side beside` takes, and
    one there that does not fit the log is only told of.

    Raises:
        InputError: a graph that is named cannot be read or does not fit, or a prepared data set is to have another.
    """
    if isinstance(opened, Dataset):
        if named:
            raise InputError(f"{source} is prepared already, with its graphs or without; leave {', '.join(named)} out")
        return Graphs(opened.knowledge, opened.trust)
    there = {} if source in SYNTHETIC else beside_source(source, locate(source)[0])
    dataset = attached = Dataset.from_interactions(opened)
    notes = []
    for graph, roles in GRAPHS.items():
        of_user = {role: named[role] for role in roles if role in named}
        of_place = {role: there[role] for role in roles if role in there and graph in there}
        paths = of_user if graph in of_user else of_place | of_user
        try:
            attached = attach(attached, read_side(paths))
        except InputError as error:
            if of_user:
                raise
            what = "graph" if graph == "knowledge" else "network"
            notes.append(f"the {what} beside it is left out: {error}")
    return Graphs(attached.knowledge, attached.trust, (*attached.notes[len(dataset.notes) :], *notes))
