"""Side tables: what stands beside a log (attributes, a knowledge graph, trust), and how it follows the ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.ids import PAD, IdMap
from nextitem.data.log.exact import read_parquet
from nextitem.data.side.attribute_graph import attribute_triples
from nextitem.data.side.graph_rules import GraphRules
from nextitem.data.side.network import trust_network
from nextitem.data.side.triples import ALL, Triples, knowledge_graph
from nextitem.data.sources.formats.atomic import ENDINGS, read_atomic_table
from nextitem.data.sources.formats.attributes import read_item_attributes
from nextitem.data.sources.formats.files import check_file, explained, is_parquet
from nextitem.data.sources.formats.graph_text import (
    NUMBERED,
    is_item_list,
    named_entities,
    named_relations,
    read_item_list,
    read_triples,
)
from nextitem.data.sources.formats.item_lines import is_item_lines, read_item_lines
from nextitem.data.sources.formats.network_text import read_network
from nextitem.data.sources.formats.roles import looks_like_header
from nextitem.data.sources.formats.side_text import read_attribute_text, read_edge_text
from nextitem.errors import InputError

COLUMNS = {"links": ("item", "entity"), "trust_users": ("id in the network", "id in the log")}
ATTRIBUTES = "attributes"  # in place of a graph: one made of the items' attributes


@dataclass(frozen=True)
class SideTables:
    """As read, in the ids of the log. The first column, or two, say who: names do not matter."""

    users: pl.DataFrame | None = None  # user, attributes ..
    items: pl.DataFrame | None = None  # item, attributes ..
    knowledge: pl.DataFrame | None = None  # head, relation, tail: entities
    links: pl.DataFrame | None = None  # item, entity
    trust: pl.DataFrame | None = None  # source, target, perhaps weight: users
    trust_users: pl.DataFrame | None = None  # a user's id in the network, and in the log, where they differ


def attach(dataset: Dataset, side: SideTables, rules: GraphRules = ALL, *, of_attributes: bool = False) -> Dataset:
    """The data set with the side tables in its numbers. Its `notes` count what found no user or item, and what the
    `rules` leave out of the graph; `of_attributes` makes one of the attributes of items.

    Raises:
        InputError: links without a graph, a graph of no item, or one to be made of attributes that are not there; rules
            without a graph, or that leave nothing of it; a network of no user; a table with too few columns.
    """
    users, user_notes = aligned(side.users, dataset.users, "user")
    items, item_notes = aligned(side.items, dataset.items, "item")
    notes = [*dataset.notes, *user_notes, *item_notes]
    knowledge, found = _graph(dataset, side, items, rules, of_attributes)
    notes += found
    trust = dataset.trust
    if side.trust is not None:
        trust, found = trust_network(side.trust, dataset.users, side.trust_users)
        notes += found
    elif side.trust_users is not None:
        raise InputError("data.trust_users maps users of a network, and there is none; name it with --data.trust")
    return replace(
        dataset, user_attributes=users, item_attributes=items, knowledge=knowledge, trust=trust, notes=tuple(notes)
    )


def _graph(
    dataset: Dataset, side: SideTables, attributes: pl.DataFrame | None, rules: GraphRules, of_attributes: bool
) -> tuple[Triples | None, list[str]]:
    """The knowledge graph, if there is one, and what is to be said of it."""
    if of_attributes:
        if attributes is None:
            raise InputError(
                "data.knowledge attributes makes a graph of the items' attributes, and there are none; name their "
                "table with --data.item_table, or take what stands beside the log with --data.side beside"
            )
        edges, links, said = attribute_triples(attributes, dataset.items, rules.relations)
        graph, found = knowledge_graph(edges, links, dataset.items, rules)
        return graph, said + found
    if side.knowledge is None:
        if side.links is not None:
            raise InputError("links of items to entities (.link) need the graph (.kg); name it with --data.knowledge")
        if rules != ALL:
            raise InputError(
                "data.knowledge_relations and its kin are of a knowledge graph, and there is none; leave them out"
            )
        return dataset.knowledge, []
    edges = _named(side.knowledge, ["head", "relation", "tail"], "a knowledge graph")
    own_links = None if side.links is None else _named(side.links, ["item", "entity"], "links")
    return knowledge_graph(edges, own_links, dataset.items, rules)


def read_side(paths: dict[str, Path]) -> SideTables:
    """`paths` by the fields of SideTables: atomic files, Parquet, or text split by tabs or commas; items from JSON too,
    as S3-Rec's item2attributes or Amazon's metadata, an object a line.

    The text of a graph, of links and of trust may lack a header (KGCN's kg.txt, HetRec's user_friends.dat has one), and
    may be split by spaces (Epinions' trust). What KGAT's graph numbers has the names of the lists beside it. Trust may
    be a matrix of MATLAB's, too, or a user with all their friends a line (`network_text.read_network`).

    Raises:
        InputError: a file is missing or cannot be read.
    """
    tables = {role: read_table(path, role) for role, path in paths.items()}
    if "knowledge" in paths:
        tables |= _with_names(tables, paths)
    return SideTables(**tables)


def _with_names(tables: dict[str, pl.DataFrame], paths: dict[str, Path]) -> dict[str, pl.DataFrame]:
    """The graph and its links with the names that KGAT's lists give, where they stand beside it."""
    triples, graph, links = tables["knowledge"], paths["knowledge"], paths.get("links")
    if graph.name.removesuffix(".gz") != NUMBERED:
        return {}
    lists = {what: graph.with_name(f"{what}_list.txt") for what in ("relation", "entity")}
    if lists["relation"].is_file():
        triples = named_relations(triples, lists["relation"])
    if links is None or not is_item_list(links):
        return {"knowledge": triples}
    triples, linked = named_entities(triples, tables["links"], lists["entity"])
    return {"knowledge": triples, "links": linked}


def read_table(path: Path, role: str) -> pl.DataFrame:
    """One of the tables; `role` is its field of SideTables.

    Raises:
        InputError: the file is missing, cannot be read, or has too few columns.
    """
    table, needed = _read(path, role), COLUMNS.get(role, ())
    if len(table.columns) < len(needed):
        raise InputError(
            f"{path.name}, line 1: {role} needs the columns {', '.join(needed)}, found {', '.join(table.columns)}; "
            "add what is missing"
        )
    return table


def _read(path: Path, role: str) -> pl.DataFrame:
    check_file(path)
    if role == "knowledge":
        return read_triples(path)
    if role == "trust":
        return read_network(path)
    if role == "links" and not is_parquet(path) and is_item_list(path):
        return read_item_list(path)
    if path.name.removesuffix(".gz").endswith(ENDINGS):
        return read_atomic_table(path)
    if role == "items" and is_item_lines(path):
        return read_item_lines(path)
    if role == "items" and path.name.removesuffix(".gz").endswith(".json"):
        return read_item_attributes(path)
    if is_parquet(path):
        with explained(path):
            return read_parquet(path)
    return read_attribute_text(path) if role in ("users", "items") else read_edge_text(path, role)


def aligned(table: pl.DataFrame | None, ids: IdMap, role: str) -> tuple[pl.DataFrame | None, list[str]]:
    """One row an index, in the order of the indices: row p is that of index p + 1, null where the table has none."""
    if table is None:
        return None, []
    name = table.columns[0]
    notes = []
    if name in ids and not looks_like_header([name]):
        raise InputError(
            f'the {role} table has no first line of names: its first column is called "{name}", which is an id of '
            f"the log; add a line such as {role},attribute"
        )
    if role == "item" and len(table.columns) == 2 and table[name].n_unique() < len(table):
        table, note = _gathered(table)
        notes.append(note)
    if table[name].n_unique() < len(table):
        raise InputError(
            f"the {role} table has an id twice, such as {table.filter(pl.col(name).is_duplicated())[name][0]}; keep "
            f"one row for each {role}, several values of it as a list (token_seq)"
        )
    places = pl.Series("index", ids.indices(table[name]), dtype=pl.Int64)
    known = table.with_columns(places).filter(pl.col("index") != PAD)
    every = pl.DataFrame({"index": pl.int_range(1, len(ids) + 1, eager=True, dtype=pl.Int64)})
    aligned = every.join(known.drop(name), on="index", how="left", maintain_order="left").drop("index")
    if dropped := len(table) - len(known):
        notes.append(f"{dropped:,} of {len(table):,} rows of the {role} table dropped: no such {role} in the data")
    if bare := len(ids) - len(known):
        notes.append(f"{bare:,} of {len(ids):,} {role}s have no row in the {role} table")
    return aligned, notes


def _gathered(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """A row an item, of a table that has one for each of its attributes; and what is to be said of it."""
    name, attribute = table.columns
    values = pl.col(attribute).cast(pl.String) if not isinstance(table.dtypes[1], pl.List) else pl.col(attribute)
    found = table.select(name, values)
    if isinstance(table.dtypes[1], pl.List):
        found = found.explode(attribute, empty_as_null=True)
    rows = found.group_by(name, maintain_order=True).agg(pl.col(attribute).drop_nulls().unique(maintain_order=True))
    return rows, f"{len(table):,} rows of the item table are of {len(rows):,} items; each has its {attribute} as a list"


def _named(table: pl.DataFrame, names: list[str], what: str) -> pl.DataFrame:
    if len(table.columns) < len(names):
        raise InputError(f"{what} has the columns {', '.join(names)}; found {', '.join(table.columns)}")
    return table.select(pl.col(old).alias(new) for old, new in zip(table.columns, names, strict=False))
