"""Graph text: triples as files have them, `head relation tail`, or OpenKE's `head tail relation` under their count; and
KGAT's lists, which name what its triples number."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import polars as pl

from nextitem.data.log.exact import read_parquet
from nextitem.data.sources.formats.atomic import ENDINGS, read_atomic_table
from nextitem.data.sources.formats.files import check_file, explained, first_lines, is_parquet, lines
from nextitem.data.sources.formats.places import refuse_other_counts
from nextitem.data.sources.formats.side_text import SPELLINGS, read_edge_text, spelled
from nextitem.errors import InputError, suggest

TripleLayout = Literal["auto", "names", "openke"]
COLUMNS = ("head", "relation", "tail")
NUMBERED = "kg_final.txt"  # of KGAT, and what RippleNet and KGCN make of theirs: an item's entity has the item's number
GIVEN = ("org_id", "remap_id")  # of KGAT's lists: the name, and the number that its other files write


def read_triples(path: Path, layout: TripleLayout = "auto") -> pl.DataFrame:
    """The triples of a file, in its order, as text: the columns head, relation and tail.

    `layout` is "openke" for a first line that counts the triples and then `head tail relation` a line (train2id.txt),
    "names" for `head relation tail` a line, split by tabs, commas or spaces, and "auto" for whichever the first two
    lines tell, an atomic .kg or Parquet. Columns that a first line calls head, relation and tail (or subject,
    predicate and object) are found by these names, in any order; others by their places.

    Raises:
        InputError: there is no such layout; the file is missing or cannot be read; a line has not three fields, or an
            empty one; OpenKE's count is not that of the lines, or an id of it is no whole number.
    """
    if layout not in get_args(TripleLayout):
        raise InputError(f'layout "{layout}" is not known; {suggest(layout, get_args(TripleLayout))}')
    check_file(path)
    if layout == "openke" or (layout == "auto" and _is_openke(path)):
        return _read_openke(path)
    if layout == "auto" and path.name.removesuffix(".gz").endswith(ENDINGS):
        table = read_atomic_table(path)
    elif layout == "auto" and is_parquet(path):
        with explained(path):
            table = read_parquet(path)
    else:
        table = read_edge_text(path, "knowledge")
    triples = _in_order(table, path).filter(~pl.all_horizontal(pl.all().is_null()))  # empty lines
    refuse_empty(triples, path, "a triple needs a head, a relation and a tail")
    return triples


def refuse_empty(edges: pl.DataFrame, path: Path, rule: str) -> None:
    """Raises InputError, beginning with the `rule`, where a field is missing; text tells its line, Parquet its row."""
    empty = edges.select(pl.any_horizontal(pl.all().is_null() | (pl.all().str.strip_chars() == ""))).to_series()
    if not empty.any():
        return
    row = int(empty.arg_max() or 0)
    place = f"row {row}"
    if not is_parquet(path):
        text = lines(path)
        place = f"line {text['line'][row + len(text) - len(edges)]}"
    found = " ".join(str(field) for field in edges.row(row))
    raise InputError(f"{path.name}, {place}: {rule}, found '{found}'; drop it")


def has_numbered_graph(folder: Path) -> bool:
    """Whether a folder is KGAT's, or one of its kin: its graph stands there, gzipped or not."""
    return any((folder / f"{NUMBERED}{packed}").is_file() for packed in ("", ".gz"))


def read_item_list(path: Path) -> pl.DataFrame:
    """KGAT's item_list.txt as links, item and entity: an item has the number of its entity.

    Raises:
        InputError: as `read_triples`, or the first line does not name org_id and remap_id.
    """
    number = _read_list(path)["remap_id"]
    return pl.DataFrame({"item": number, "entity": number})


def is_item_list(path: Path) -> bool:
    """Whether the file is KGAT's list of items, by its first line."""
    return set(GIVEN) <= set("".join(first_lines(path, count=1)).split())


def named_relations(triples: pl.DataFrame, relations: Path) -> pl.DataFrame:
    """The triples with the names that KGAT's relation_list.txt gives.

    Raises:
        InputError: the list cannot be read, or lacks a relation.
    """
    return triples.with_columns(_renamed(triples["relation"], relations))


def named_entities(triples: pl.DataFrame, links: pl.DataFrame, entities: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Triples and links with the names that KGAT's entity_list.txt gives to entities.

    Raises:
        InputError: the list cannot be read, gives a name twice, or lacks an entity.
    """
    ends = [_renamed(triples[column], entities) for column in ("head", "tail")]
    return triples.with_columns(ends), links.with_columns(_renamed(links["entity"], entities))


def _is_openke(path: Path) -> bool:
    first = [line.split() for line in first_lines(path, count=2)]
    return len(first) == 2 and [len(fields) for fields in first] == [1, 3] and first[0][0].isdecimal()


def _read_openke(path: Path) -> pl.DataFrame:
    table = lines(path).with_columns(fields=pl.col("text").str.extract_all(r"\S+"))
    count, rows = table["text"][0].strip(), table.slice(1)
    if not count.isdecimal():
        raise InputError(
            f"{path.name}, line {table['line'][0]}: openke's first line is the count of the triples, found "
            f"'{count[:80]}'; read the file with layout names"
        )
    refuse_other_counts(rows, path, "openke", "head, tail and relation, split by white space", 3, 3)
    wrong = rows.filter(~pl.col("fields").list.eval(pl.element().str.contains(r"^\d+$")).list.all())
    if len(wrong):
        raise InputError(
            f"{path.name}, line {wrong['line'][0]}: openke's ids are whole numbers, found '{wrong['text'][0][:80]}'; "
            "mend the line, or read the file with layout names"
        )
    if int(count) != len(rows):
        raise InputError(
            f"{path.name}, line {table['line'][0]}: openke's first line is the count of the triples, {count}, and "
            f"{len(rows):,} follow; mend the count, or get the whole file"
        )
    head, tail, relation = (pl.col("fields").list.get(place) for place in range(3))
    return rows.select(head=head, relation=relation, tail=tail)


def _in_order(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """By the names of the columns where all three are named, else by their places."""
    if len(table.columns) < len(COLUMNS):
        raise InputError(
            f"{path.name}, line 1: knowledge needs the columns {', '.join(COLUMNS)}, found "
            f"{', '.join(table.columns)}; add what is missing"
        )
    found = {spelled(name): name for name in reversed(table.columns)}
    places = [found[role] for role in COLUMNS] if SPELLINGS.keys() <= found.keys() else table.columns[:3]
    return table.select(pl.col(old).cast(pl.String).alias(new) for old, new in zip(places, COLUMNS, strict=True))


def _read_list(path: Path) -> pl.DataFrame:
    """org_id and remap_id of one of KGAT's lists."""
    table = lines(path).with_columns(fields=pl.col("text").str.extract_all(r"\S+"))
    names = table["fields"][0].to_list()
    if not set(GIVEN) <= set(names):
        raise InputError(
            f"{path.name}, line {table['line'][0]}: a list of KGAT's begins with org_id remap_id, found "
            f"'{table['text'][0][:80]}'; write that line, or take the list away to go by numbers"
        )
    layout = f"{len(names)} fields, as in its first line, split by white space"
    refuse_other_counts(table, path, path.name, layout, len(names), len(names))
    found = table.slice(1).select("line", *(pl.col("fields").list.get(names.index(one)).alias(one) for one in GIVEN))
    for column in GIVEN:
        twice = found.filter(~pl.col(column).is_first_distinct())
        if len(twice):
            raise InputError(
                f"{path.name}, line {twice['line'][0]}: every {column} stands in a list once, found "
                f"'{twice[column][0]}' again; mend the line, or take the list away to go by numbers"
            )
    return found.drop("line")


def _renamed(column: pl.Series, path: Path) -> pl.Series:
    names = _read_list(path)
    found = pl.DataFrame({"remap_id": column}).join(names, on="remap_id", how="left", maintain_order="left")["org_id"]
    if found.null_count():
        raise InputError(
            f"{path.name} has no line for {column.name} {column.filter(found.is_null())[0]}; add it, or take the "
            "list away to go by numbers"
        )
    return found.alias(column.name)
