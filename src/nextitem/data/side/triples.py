"""Triples: a knowledge graph, or who trusts whom, as flat arrays of edges.

Sizes: E edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from nextitem.data.ids import MEND, PAD, IdMap, read_table
from nextitem.data.saving import save_table
from nextitem.data.side.graph_rules import GraphRules, dense, distinct, of_relations
from nextitem.errors import InputError

ALL = GraphRules()  # every triple


@dataclass(frozen=True)
class Triples:
    """Edge e goes from heads[e] to tails[e]. Nodes 1..num_nodes: first those that the data set numbers (its items in a
    knowledge graph, its users in a trust network), then the `others`."""

    heads: np.ndarray  # (E,) int32, from 1
    relations: np.ndarray  # (E,) int32, from 1; all 1 in a trust network
    tails: np.ndarray  # (E,) int32, from 1
    num_own: int  # nodes 1..num_own are items, or users
    others: IdMap  # node num_own + p is the entity others.ids([p])
    relation_names: IdMap

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def num_nodes(self) -> int:
        return self.num_own + len(self.others)

    def among_own(self) -> Triples:
        """The edges between nodes that the data set numbers, without the others."""
        is_own = (self.heads <= self.num_own) & (self.tails <= self.num_own)
        heads, relations, tails = (ids[is_own] for ids in (self.heads, self.relations, self.tails))
        return Triples(heads, relations, tails, self.num_own, IdMap.of(list[str]()), self.relation_names)

    def save(self, folder: Path, name: str) -> None:
        edges = {"head": self.heads, "relation": self.relations, "tail": self.tails}
        save_table(pl.DataFrame(edges), folder / f"{name}.parquet")
        self.others.save(folder / f"{name}-entities.parquet")
        self.relation_names.save(folder / f"{name}-relations.parquet")

    @classmethod
    def load(cls, folder: Path, name: str, num_own: int) -> Triples:
        """Raises InputError where a table is damaged, or leads outside."""
        path = folder / f"{name}.parquet"
        edges = read_table(path)
        if (
            edges.schema != {"head": pl.Int32, "relation": pl.Int32, "tail": pl.Int32}
            or edges.null_count().sum_horizontal()[0]
        ):
            raise InputError(
                f"{path} must have the columns head, relation, tail of int32, found {edges.schema}; {MEND}"
            )
        loaded = cls(
            edges["head"].to_numpy(),
            edges["relation"].to_numpy(),
            edges["tail"].to_numpy(),
            num_own,
            IdMap.load(folder / f"{name}-entities.parquet"),
            IdMap.load(folder / f"{name}-relations.parquet"),
        )
        most = {"head": loaded.num_nodes, "relation": len(loaded.relation_names), "tail": loaded.num_nodes}
        for column, last in most.items():
            if len(edges) and not (edges[column].min() >= 1 and edges[column].max() <= last):  # type: ignore[operator]
                raise InputError(f"{path} is damaged: a {column} lies outside 1 to {last}; {MEND}")
        return loaded


def knowledge_graph(
    edges: pl.DataFrame, links: pl.DataFrame | None, items: IdMap, rules: GraphRules = ALL
) -> tuple[Triples, list[str]]:
    """`edges` (head, relation, tail) and `links` (item, entity) in ids of their own -> the graph, and what to know.

    An entity that a known item links to is that item, without links the one that has the item's id; all others are
    numbered after the items, in sorted order. The entity of an item that is not in the data set stays, as an entity:
    what it joins still holds. Exact repeats of a triple are dropped, and what the `rules` do not keep.

    Raises:
        InputError: there are no links and no item is an entity, or a rule leaves nothing or asks for what is not there.
    """
    edges, repeats = distinct(edges.cast({"head": pl.String, "relation": pl.String, "tail": pl.String}))
    edges, chosen = of_relations(edges, rules)
    once, found = _linked(links, items) if links is not None else _linked_by_id(edges, items)
    edges, dropped = dense(edges, once["entity"], rules.min_degree)
    ends = pl.concat([edges["head"], edges["tail"].alias("head")]).unique()
    others = IdMap(ends.filter(~ends.is_in(once["entity"].to_list())).sort().alias("id"))
    names = IdMap(edges["relation"].unique().sort().alias("id"))

    def nodes(column: str) -> np.ndarray:
        other = others.indices(edges[column])
        entity = IdMap(once["entity"]).indices(edges[column])
        linked = np.concatenate([[PAD], once["index"].to_numpy()])[entity]
        return np.where(entity != PAD, linked, other + len(items)).astype(np.int32)

    relations = names.indices(edges["relation"]).astype(np.int32)
    graph = Triples(nodes("head"), relations, nodes("tail"), len(items), others, names)
    return graph, [*repeats, *chosen, *found, *dropped]


def _linked(links: pl.DataFrame, items: IdMap) -> tuple[pl.DataFrame, list[str]]:
    """`index` and `entity` of each item that has one."""
    links = links.with_columns(index=pl.Series(items.indices(links["item"]))).cast({"entity": pl.String})
    known = links.filter(pl.col("index") != PAD).sort("index")
    notes = []
    if strange := len(links) - len(known):
        notes.append(f"{strange:,} of {len(links):,} linked items are not in the log; their entities stay")
    once = known.unique("entity", keep="first", maintain_order=True).unique("index", keep="first", maintain_order=True)
    if shared := len(known) - len(once):
        notes.append(f"{shared:,} links repeat an entity or an item; the first of each holds")
    return once, notes


def _linked_by_id(edges: pl.DataFrame, items: IdMap) -> tuple[pl.DataFrame, list[str]]:
    """The same where an entity is an item if it has the item's id."""
    ids = (
        pl.DataFrame({"entity": items.column.cast(pl.String)})
        .with_row_index("index", offset=1)
        .cast({"index": pl.Int64})
    )
    ends = pl.concat([edges["head"], edges["tail"].alias("head")]).unique().alias("entity").to_frame()
    once = ids.join(ends, on="entity", how="semi", maintain_order="left")
    if not len(once):
        raise InputError(
            "a knowledge graph needs links of items to entities (--data.links), or the log's own ids for its items; "
            f"there are no links, and none of {len(items):,} items has the id of an entity (an item is called "
            f"{items.column[0]!r}, an entity {edges['head'][0]!r})"
        )
    note = f"there are no links: {len(once):,} of {len(items):,} items are the entities that have their ids"
    return once, [note]
