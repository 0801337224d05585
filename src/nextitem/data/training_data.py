"""Training data: all that a model may learn from, the rows of the training part and what stands beside them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from nextitem.data.sequences import Sequences
from nextitem.data.side.features import Features
from nextitem.data.side.triples import Triples
from nextitem.errors import InputError

# What a model may need -> what it is, and how it is brought.
WAYS = {
    "knowledge": (
        "a knowledge graph",
        "take what stands beside the log with --data.side beside, name its triples with --data.knowledge and its links "
        "with --data.links, or make one of the items' attributes with --data.knowledge attributes",
    ),
    "trust": (
        "a network of users",
        "take what stands beside the log with --data.side beside, or name it with --data.trust",
    ),
    "item_attributes": ("attributes of items", "name their table with --data.item_table"),
    "user_attributes": ("attributes of users", "name their table with --data.user_table"),
}


@dataclass(frozen=True)
class Sizes:
    """How many there are of what a model has vectors of; kept in a run folder, so that loading one needs no data."""

    num_users: int
    num_items: int
    num_entities: int = 0  # nodes of the knowledge graph; the first num_items are the items
    num_relations: int = 0
    item_attributes: dict[str, int] = field(default_factory=dict)  # values of each; 0 for one of numbers
    user_attributes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """What a data set has beside its log, in its numbers."""

    user_table: pl.DataFrame | None = None  # row p is that of user p + 1; null where nothing is known
    item_table: pl.DataFrame | None = None
    knowledge: Triples | None = None  # between items and other entities
    trust: Triples | None = None  # between users

    @cached_property
    def user_attributes(self) -> Features | None:
        """The attributes of users, encoded when they are first asked for."""
        return None if self.user_table is None else Features.of(self.user_table)

    @cached_property
    def item_attributes(self) -> Features | None:
        """The attributes of items, encoded when they are first asked for."""
        return None if self.item_table is None else Features.of(self.item_table)


NO_SIDE = Side()


@dataclass(frozen=True)
class TrainingData:
    """What a model learns from, and the sizes to make it by."""

    rows: Sequences  # row r belongs to user r + 1; with times, ratings and weights where the log has them
    num_items: int
    side: Side = NO_SIDE

    @classmethod
    def of(cls, rows: Sequences, num_items: int | None = None, side: Side = NO_SIDE) -> TrainingData:
        """Rows alone, or with a `side`; without `num_items` the largest item is the last."""
        return cls(rows, int(rows.items.max(initial=0)) if num_items is None else num_items, side)

    def sizes_for(self, needs: Collection[str]) -> Sizes:
        """The sizes of what a model needs; attributes that nobody needs are not even encoded."""
        side = self.side
        graph = side.knowledge if "knowledge" in needs else None
        return Sizes(
            num_users=len(self.rows),
            num_items=self.num_items,
            num_entities=0 if graph is None else graph.num_nodes,
            num_relations=0 if graph is None else len(graph.relation_names),
            item_attributes=self.item_attributes.sizes if "item_attributes" in needs else {},
            user_attributes=self.user_attributes.sizes if "user_attributes" in needs else {},
        )

    @property
    def knowledge(self) -> Triples:
        """The knowledge graph; who needs one has said so."""
        return self._there("knowledge", self.side.knowledge)

    @property
    def trust(self) -> Triples:
        """Who trusts whom; who needs it has said so."""
        return self._there("trust", self.side.trust)

    @property
    def item_attributes(self) -> Features:
        """The attributes of items; who needs them has said so."""
        return self._there("item_attributes", self.side.item_attributes)

    @property
    def user_attributes(self) -> Features:
        """The attributes of users; who needs them has said so."""
        return self._there("user_attributes", self.side.user_attributes)

    def refuse_missing(self, needs: tuple[str, ...], who: str) -> None:
        """Raises InputError where the data has not what a model needs, with the way to bring it."""
        for need in needs:
            if getattr(self.side, need) is None:
                what, way = WAYS[need]
                raise InputError(f"{who} learns from {what}, and the data has none; {way}")

    def _there(self, need: str, found: Any) -> Any:
        if found is None:
            raise InputError(f"the data has not {WAYS[need][0]}; {WAYS[need][1]}")
        return found
