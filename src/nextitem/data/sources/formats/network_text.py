"""Network text: who trusts whom as files have it, an edge a line or a user with all their friends a line."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.log.exact import read_parquet
from nextitem.data.sources.formats.atomic import ENDINGS, read_atomic_table
from nextitem.data.sources.formats.files import check_file, explained, is_parquet, lines
from nextitem.data.sources.formats.graph_text import refuse_empty
from nextitem.data.sources.formats.matlab import ENDING, read_matrix
from nextitem.data.sources.formats.roles import plain
from nextitem.data.sources.formats.side_text import names_ends, read_edge_text, source_and_target
from nextitem.errors import InputError

WEIGHTS = ("weight", "w", "value", "trust", "trustvalue", "strength", "score", "rating")  # what an edge may weigh by
NO_NAME = "column_"  # of a file without a first line of names


def read_network(path: Path) -> pl.DataFrame:
    """The edges of a network of users, in the order of the file: source and target as text, then what else it has.

    An edge a line is `user user` or `user user weight`, split by tabs, commas or spaces, with a first line of names or
    without (LibRec's and QRec's trust.txt), RecBole's .net, Parquet or a matrix in a .mat (Ciao, Epinions). Columns
    called source and target (truster and trustee, user and friend, ..) are found by these names, others by their
    places. Where lines differ in length and no two begin with one user, a line is a user and all their friends (GBSR,
    RecDiff). A column `weight` is of numbers.

    Raises:
        InputError: the file is missing or cannot be read; it has one column; an end is empty; a weight is no number; or
            three fields a line may be a weight, or two friends.
    """
    check_file(path)
    name = path.name.removesuffix(".gz")
    if name.endswith(ENDING):
        matrix = read_matrix(path)
        table = pl.DataFrame({f"{NO_NAME}{place + 1}": matrix[:, place] for place in range(matrix.shape[1])})
    elif name.endswith(ENDINGS):
        table = read_atomic_table(path)
    elif is_parquet(path):
        with explained(path):
            table = read_parquet(path)
    else:
        table = _read_text(path)
    edges = _in_order(table, path)
    refuse_empty(edges.select("source", "target"), path, "an edge needs a user at either end")
    return edges


def _read_text(path: Path) -> pl.DataFrame:
    """Of lines of friends their pairs."""
    text_lines = lines(path)
    first = text_lines["text"][0]
    separator = next((one for one in "\t," if one in first), None)
    text = pl.col("text").str.strip_chars()
    fields = text.str.extract_all(r"\S+") if separator is None else text.str.strip_chars(separator).str.split(separator)
    table = text_lines.with_columns(fields=fields)
    counts, users = table["fields"].list.len(), table["fields"].list.first()
    if names_ends(table["fields"][0].to_list()) or '"' in first or (counts <= 2).all() or users.is_duplicated().any():
        return read_edge_text(path, "trust")
    if counts.n_unique() == 1:
        third = table["fields"].list.get(2, null_on_oob=True).cast(pl.Float64, strict=False)
        is_weight = counts[0] == 3 and not third.null_count()
        is_plain = (len(third) > 1 and (third == 1).all()) or (third != third.floor()).any()
        if is_weight and is_plain:
            return read_edge_text(path, "trust")
        if is_weight:
            raise InputError(
                f"{path.name}, line {table['line'][0]}: '{first[:80]}' may be two users and a weight, or a user and "
                "two friends; write a first line, source target weight, for the former, an edge a line for the latter"
            )
    blank = table.filter(pl.col("fields").list.eval(pl.element().str.strip_chars() == "").list.any())
    if len(blank):
        raise InputError(
            f"{path.name}, line {blank['line'][0]}: a line is a user and all their friends, found one without a name "
            f"in '{blank['text'][0][:80]}'; drop it"
        )
    friends = table.select(source=users, target=pl.col("fields").list.slice(1)).explode("target", empty_as_null=False)
    return friends.drop_nulls()


def _in_order(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """By the names of the two columns where both are named, else by their places."""
    if len(table.columns) < 2:
        raise InputError(
            f"{path.name}, line 1: a network needs the columns source and target, found one, {table[:, 0][0]} in its "
            "first row; add the other, or split them by tabs, commas or spaces"
        )
    ends = source_and_target(table.columns) or table.columns[:2]
    others = [name for name in table.columns if name not in ends]
    if len(others) > 1 and others[0].startswith(NO_NAME):
        raise InputError(
            f"{path.name}, line 1: a line of a network is two users and perhaps a weight, found {len(table.columns)} "
            "fields; name them in a first line, such as source target weight"
        )
    weight = next((name for name in others if plain(name) in WEIGHTS or name.startswith(NO_NAME)), None)
    edges = table.select(
        *(_id(table[old]).alias(new) for old, new in zip(ends, ("source", "target"), strict=True)),
        *([] if weight is None else [_numbers(table[weight], path)]),
        *(table[name] for name in others if name != weight),
    )
    return edges.filter(~pl.all_horizontal(pl.col("source", "target").is_null()))  # empty lines


def _id(column: pl.Series) -> pl.Series:
    """As text, 12.0 as 12."""
    if column.dtype.is_float() and (column == column.floor()).all():
        column = column.cast(pl.Int64)
    return column.cast(pl.String).str.strip_chars()


def _numbers(column: pl.Series, path: Path) -> pl.Series:
    weights = column.cast(pl.Float64, strict=False)
    wrong = column.filter(weights.is_null() & column.is_not_null() | ~weights.is_finite())
    if len(wrong):
        raise InputError(
            f"{path.name}: the weight of an edge is a finite number, found '{wrong[0]}'; mend it, or drop the column "
            f"{column.name}"
        )
    return weights.alias("weight")
