"""Checked: a log and the tables beside it, each understood or refused, and whether they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.checking import Understood
from nextitem.data.sources.graphs_of import GRAPHS
from nextitem.data.sources.side_tables import SideTables, attach, read_table
from nextitem.data.sources.strangers import Strangers, strangers
from nextitem.errors import InputError


@dataclass(frozen=True)
class SideFile:
    """A file beside a log, and what stands in it, or why it is refused."""

    path: Path
    found: pl.DataFrame | InputError


@dataclass(frozen=True)
class Checked:
    """What there was to check, and what was found; an InputError is what refuses it."""

    log: Path
    found: Understood | InputError
    beside: Mapping[str, SideFile] = field(default_factory=dict)  # by the fields of SideTables
    strangers: tuple[Strangers, ...] = ()  # compared only where nothing is refused
    # By "knowledge" and "trust": the log with that graph, in its numbers; none where something else is refused.
    numbered: Mapping[str, Dataset | InputError] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        every = (self.found, *self.numbered.values(), *(one.found for one in self.beside.values()))
        return not any(isinstance(one, InputError) for one in every)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd of all of it together."""
        if self.is_good and "links" in self.beside and "knowledge" not in self.beside:
            return ("there is a .link but no .kg; links say nothing without a graph",)
        return ()


def with_side(log: Path, found: Understood | InputError, paths: Mapping[str, Path]) -> Checked:
    """Each table beside a log, then all of them together if none is refused."""
    files = {role: SideFile(path, _read(path, role)) for role, path in paths.items()}
    checked = Checked(log, found, files)
    tables = {role: one.found for role, one in files.items() if isinstance(one.found, pl.DataFrame)}
    if isinstance(found, InputError) or not checked.is_good or not tables:
        return checked
    names = {role: one.path.name for role, one in files.items()}
    odd = tuple(strangers(found.log, SideTables(**tables), names))
    graphs = {
        graph: _numbered(found.log, SideTables(**{role: tables[role] for role in roles if role in tables}))
        for graph, roles in GRAPHS.items()
        if graph in tables
    }
    return Checked(log, found, files, odd, graphs)


def _numbered(log: pl.DataFrame, graph: SideTables) -> Dataset | InputError:
    """The log and one of its graphs in the numbers of the log; the notes are of the graph."""
    interactions = Interactions.from_frame(log.select("user", "item"), timestamp=None)
    try:
        return attach(replace(Dataset.from_interactions(interactions), notes=()), graph)
    except InputError as error:
        return error


def _read(path: Path, role: str) -> pl.DataFrame | InputError:
    try:
        return read_table(path, role)
    except InputError as error:
        return error
