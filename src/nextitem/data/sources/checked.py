"""Checked: a log and the tables beside it, each understood or refused, and whether they fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from nextitem.data.sources.formats.checking import Understood
from nextitem.data.sources.side_tables import SideTables, beside, read_table
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

    @property
    def is_good(self) -> bool:
        return not any(
            isinstance(one, InputError) for one in (self.found, *(one.found for one in self.beside.values()))
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd of all of it together."""
        if not self.is_good or ("knowledge" in self.beside) == ("links" in self.beside):
            return ()
        there, missing = (".kg", ".link") if "knowledge" in self.beside else (".link", ".kg")
        return (f"there is a {there} but no {missing}; a knowledge graph needs both",)


def with_side(log: Path, found: Understood | InputError) -> Checked:
    """Each table beside a log, then all of them together if none is refused."""
    files = {role: SideFile(path, _read(path, role)) for role, path in beside(log).items()}
    checked = Checked(log, found, files)
    tables = {role: one.found for role, one in files.items() if isinstance(one.found, pl.DataFrame)}
    if isinstance(found, InputError) or not checked.is_good or not tables:
        return checked
    names = {role: one.path.name for role, one in files.items()}
    return Checked(log, found, files, tuple(strangers(found.log, SideTables(**tables), names)))


def _read(path: Path, role: str) -> pl.DataFrame | InputError:
    try:
        return read_table(path, role)
    except InputError as error:
        return error
