"""Side tables: what stands beside a log (attributes, a knowledge graph, trust), and how it follows the ids."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.formats.atomic import ENDINGS, read_atomic_table
from nextitem.data.formats.attributes import ENDING as ATTRIBUTES
from nextitem.data.formats.attributes import read_item_attributes
from nextitem.data.formats.files import check_file, explained, first_lines, is_parquet
from nextitem.data.formats.roles import looks_like_header
from nextitem.data.formats.tables import refuse_ragged
from nextitem.data.ids import PAD, IdMap
from nextitem.data.triples import knowledge_graph, trust_network
from nextitem.errors import InputError

HEADS = {"head", "relation", "tail", "source", "target", "entity", "source_id", "target_id"}  # first words of headers

MEND = "mend the line (a side table is split by tabs, or by commas where its first line has no tab)"
COLUMNS = {"knowledge": ("head", "relation", "tail"), "links": ("item", "entity"), "trust": ("source", "target")}


@dataclass(frozen=True)
class SideTables:
    """As read, in the ids of the log. The first column, or two, say who: names do not matter."""

    users: pl.DataFrame | None = None  # user, attributes ..
    items: pl.DataFrame | None = None  # item, attributes ..
    knowledge: pl.DataFrame | None = None  # head, relation, tail: entities
    links: pl.DataFrame | None = None  # item, entity
    trust: pl.DataFrame | None = None  # source, target: users


def attach(dataset: Dataset, side: SideTables) -> Dataset:
    """The data set with the side tables in its numbers. Its `notes` count what found no user or item.

    Raises:
        InputError: a knowledge graph without links, or links without a graph; a table with too few columns.
    """
    if (side.knowledge is None) != (side.links is None):
        missing = "links of items to entities (.link)" if side.links is None else "knowledge graph (.kg)"
        raise InputError(f"a knowledge graph needs its triples and its links; there is no {missing}")
    users, user_notes = _aligned(side.users, dataset.users, "user")
    items, item_notes = _aligned(side.items, dataset.items, "item")
    notes = [*dataset.notes, *user_notes, *item_notes]
    knowledge, trust = dataset.knowledge, dataset.trust
    if side.knowledge is not None and side.links is not None:
        edges = _named(side.knowledge, ["head", "relation", "tail"], "a knowledge graph")
        knowledge, found = knowledge_graph(edges, _named(side.links, ["item", "entity"], "links"), dataset.items)
        notes += found
    if side.trust is not None:
        trust, found = trust_network(_named(side.trust, ["source", "target"], "a trust network"), dataset.users)
        notes += found
    return replace(
        dataset, user_attributes=users, item_attributes=items, knowledge=knowledge, trust=trust, notes=tuple(notes)
    )


def read_side(paths: dict[str, Path]) -> SideTables:
    """`paths` by the fields of SideTables: atomic files, Parquet, or text split by tabs or commas; items from JSON too,
    as S3-Rec's item2attributes.

    The text of a graph, of links and of trust may lack a header (KGCN's kg.txt, HetRec's user_friends.dat has one).

    Raises:
        InputError: a file is missing or cannot be read.
    """
    return SideTables(**{role: read_table(path, role) for role, path in paths.items()})


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
    if path.name.removesuffix(".gz").endswith(ENDINGS):
        return read_atomic_table(path)
    if role == "items" and path.name.removesuffix(".gz").endswith(".json"):
        return read_item_attributes(path)
    if is_parquet(path):
        with explained(path):
            return pl.read_parquet(path, glob=False)
    return _read_text(path, role)


def _read_text(path: Path, role: str) -> pl.DataFrame:
    first = "".join(first_lines(path, count=1))
    separator = "\t" if "\t" in first else ","
    fields = first.split(separator)
    has_header = role in ("users", "items") or looks_like_header(fields) or bool(HEADS & set(fields))
    try:
        with explained(path):
            table = pl.read_csv(
                path,
                separator=separator,
                has_header=has_header,
                infer_schema=role in ("users", "items"),
                infer_schema_length=None,
                glob=False,
            )
    except InputError:
        refuse_ragged(path, separator, '"', MEND)
        raise
    if table[table.columns[-1]].null_count():  # empty, or missing?
        refuse_ragged(path, separator, '"', MEND)
    return table


def beside(path: Path) -> dict[str, Path]:
    """The atomic files of the same stem as an .inter file; X_item2attributes.json beside X.txt, gzipped or not.

    Field of SideTables -> path.
    """
    endings = {"users": ".user", "items": ".item", "knowledge": ".kg", "links": ".link", "trust": ".net"}
    assert set(endings) == {one.name for one in fields(SideTables)}
    stem, ending = os.path.splitext(path.name.removesuffix(".gz"))
    if ending == ".txt":
        tables = [path.with_name(f"{stem}{ATTRIBUTES}{packed}") for packed in ("", ".gz")]
        there = [one for one in tables if one.is_file()]
        return {"items": there[0]} if there else {}
    if path.suffix != ".inter":
        return {}
    found = {role: path.with_suffix(ending) for role, ending in endings.items()}
    return {role: one for role, one in found.items() if one.is_file()}


def _aligned(table: pl.DataFrame | None, ids: IdMap, role: str) -> tuple[pl.DataFrame | None, list[str]]:
    """One row an index, in the order of the indices: row p is that of index p + 1, null where the table has none."""
    if table is None:
        return None, []
    name = table.columns[0]
    if table[name].n_unique() < len(table):
        raise InputError(
            f"the {role} table has an id twice, such as {table.filter(pl.col(name).is_duplicated())[name][0]}"
        )
    places = pl.Series("index", ids.indices(table[name]), dtype=pl.Int64)
    known = table.with_columns(places).filter(pl.col("index") != PAD)
    every = pl.DataFrame({"index": pl.int_range(1, len(ids) + 1, eager=True, dtype=pl.Int64)})
    aligned = every.join(known.drop(name), on="index", how="left", maintain_order="left").drop("index")
    notes = []
    if dropped := len(table) - len(known):
        notes.append(f"{dropped:,} of {len(table):,} rows of the {role} table dropped: no such {role} in the data")
    if bare := len(ids) - len(known):
        notes.append(f"{bare:,} of {len(ids):,} {role}s have no row in the {role} table")
    return aligned, notes


def _named(table: pl.DataFrame, names: list[str], what: str) -> pl.DataFrame:
    if len(table.columns) < len(names):
        raise InputError(f"{what} has the columns {', '.join(names)}; found {', '.join(table.columns)}")
    return table.select(pl.col(old).alias(new) for old, new in zip(table.columns, names, strict=False))
