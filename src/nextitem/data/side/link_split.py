"""LinkSplit: the triples of a knowledge graph, some of which are held out, to be found again.

Sizes: E entities, R relations, N triples of a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from nextitem.data.ids import IdMap
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError

COLUMNS = ("head", "relation", "tail")


@dataclass(frozen=True)
class LinkSplit:
    """Entities are numbered 1..E, relations 1..R, over all three parts, each in the order of its ids' texts."""

    train: Triples  # its nodes are the entities, of the other parts too
    valid: np.ndarray  # (N, 3) int64 head, relation, tail
    test: np.ndarray  # (N, 3) int64
    entities: IdMap
    relations: IdMap
    notes: tuple[str, ...]  # what a reader of the numbers could miss

    @cached_property
    def known(self) -> np.ndarray:
        """(N, 3) int64: every true triple of the three parts, each once; what leaves a filtered ranking."""
        return np.unique(np.concatenate([_rows(self.train), self.valid, self.test]), axis=0)


def link_split(train: pl.DataFrame, valid: pl.DataFrame, test: pl.DataFrame) -> LinkSplit:
    """Three tables with the columns head, relation, tail, in ids of any kind -> their triples by number.

    Raises:
        InputError: a column is missing or a cell of it empty, or a part has no row.
    """
    parts = [_checked(name, part) for name, part in (("train", train), ("valid", valid), ("test", test))]
    everything = pl.concat(parts)
    entities = IdMap(pl.concat([everything["head"], everything["tail"].alias("head")]).unique().sort().alias("id"))
    relations = IdMap(everything["relation"].unique().sort().alias("id"))
    maps = {"head": entities, "relation": relations, "tail": entities}
    trained, valid_rows, test_rows = (
        np.stack([maps[column].indices(part[column]) for column in COLUMNS], 1).astype(np.int64) for part in parts
    )
    heads, kinds, tails = trained.astype(np.int32).T
    graph = Triples(heads, kinds, tails, len(entities), IdMap.of(list[str]()), relations)
    held_out = {"valid": valid_rows, "test": test_rows}
    notes = tuple(note for name, rows in held_out.items() for note in _notes(name, rows, trained))
    return LinkSplit(graph, valid_rows, test_rows, entities, relations, notes)


def _checked(name: str, part: pl.DataFrame) -> pl.DataFrame:
    """The three columns as text."""
    if missing := [column for column in COLUMNS if column not in part.columns]:
        raise InputError(
            f"{name} must have the columns head, relation, tail, found {', '.join(part.columns) or 'none'}; "
            f"rename those that are to be {' and '.join(missing)}"
        )
    chosen = part.select(COLUMNS).cast(pl.String)
    if not len(chosen):
        raise InputError(f"{name} must have a triple or more, found none")
    if empty := int(chosen.null_count().sum_horizontal()[0]):
        raise InputError(f"{name} has {empty:,} empty cells of head, relation, tail; leave those rows out")
    return chosen


def _notes(name: str, rows: np.ndarray, trained: np.ndarray) -> list[str]:
    notes, count = [], f"of {len(rows):,} {name} triples"
    is_strange = ~np.isin(rows[:, [0, 2]], trained[:, [0, 2]]).all(1)
    if strange := int(is_strange.sum()):
        notes.append(f"{strange:,} {count} have an entity that train has not; they are ranked as they come")
    if strange := int((~np.isin(rows[:, 1], trained[:, 1])).sum()):
        notes.append(f"{strange:,} {count} have a relation that train has not; they are ranked as they come")
    if (
        shared := len(np.unique(rows, axis=0))
        + len(np.unique(trained, axis=0))
        - len(np.unique(np.concatenate([rows, trained]), axis=0))
    ):
        notes.append(f"{shared:,} {count} are in train too, each counted once")
    return notes


def _rows(graph: Triples) -> np.ndarray:
    return np.stack([graph.heads, graph.relations, graph.tails], 1).astype(np.int64)
