"""Headerless text: MovieLens' and Amazon's ratings, SASRec's `user item` pairs, S3-Rec's `user item item ..` rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.formats.fields import to_interactions
from nextitem.data.formats.files import first_lines, lines
from nextitem.data.formats.roles import looks_like_header
from nextitem.data.interactions import Interactions
from nextitem.errors import InputError

ALL_ROLES = ("user", "item", "rating", "timestamp")


def read_movielens(path: Path) -> Interactions:
    """`user item rating timestamp` a line, split by tabs (u.data) or :: (ratings.dat)."""
    found = first_lines(path, count=1)
    separator = "::" if found and "::" in found[0] else "\t"
    return _by_place(path, separator, "movielens", "user, item, rating and timestamp, split by tabs or ::")


def read_ratings(path: Path) -> Interactions:
    """`user,item,rating,timestamp` a line, split by commas (Amazon 2014's ratings_X.csv)."""
    return _by_place(path, ",", "ratings", "user, item, rating and timestamp, split by commas")


def read_item_ratings(path: Path) -> Interactions:
    """`item,user,rating,timestamp` a line, split by commas (Amazon 2018's ratings, the item first)."""
    layout = "item, user, rating and timestamp, split by commas"
    return _by_place(path, ",", "item-ratings", layout, ("item", "user", "rating", "timestamp"))


def read_pairs(path: Path) -> Interactions:
    """`user item` a line, split by white space, in time order (kang205/SASRec's data files)."""
    table = _split_at_space(path)
    _check(table, path, "pairs", "user and item, split by white space", 2, 2)
    user, item = pl.col("fields").list.get(0).alias("user"), pl.col("fields").list.get(1).alias("item")
    return to_interactions(table.select("line", user, item), path)


def read_sequences(path: Path) -> Interactions:
    """`user item item ..` a line, split by white space, oldest first (RUCAIBox/CIKM2020-S3Rec's files)."""
    table = _split_at_space(path)
    _check(table, path, "sequences", "user and one item or more, split by white space", 2, None)
    user, items = pl.col("fields").list.first().alias("user"), pl.col("fields").list.slice(1).alias("item")
    return to_interactions(table.select("line", user, items).explode("item"), path)


def _split_at_space(path: Path) -> pl.DataFrame:
    return lines(path).with_columns(fields=pl.col("text").str.extract_all(r"\S+"))


def _by_place(path: Path, separator: str, name: str, layout: str, roles: tuple[str, ...] = ALL_ROLES) -> Interactions:
    table = check_fields(path, separator, name, layout, len(roles))
    columns = (pl.col("fields").list.get(place).alias(role) for place, role in enumerate(roles))
    return to_interactions(table.select("line", *columns), path)


def check_fields(path: Path, separator: str, name: str, layout: str, count: int) -> pl.DataFrame:
    """`line`, `text` and `count` `fields` a line."""
    table = lines(path).with_columns(fields=pl.col("text").str.split(separator))
    _check(table, path, name, layout, count, count)
    return table


def _check(table: pl.DataFrame, path: Path, name: str, layout: str, fewest: int, most: int | None) -> None:
    """Refuse a header, and name the first line with too few or too many `fields`."""
    if looks_like_header(table["fields"][0].to_list()):
        raise InputError(
            f"{path.name}, line {table['line'][0]}: {name} has no header, found '{table['text'][0][:80]}'; "
            "drop the line, or read it with --data.format table (and --data.separator)"
        )
    count = pl.col("fields").list.len()
    wrong = table.filter((count < fewest) | (count > most if most is not None else False))
    if len(wrong):
        line, text, fields = wrong.select("line", "text", "fields").row(0)
        raise InputError(
            f"{path.name}, line {line}: {name} needs {layout}, found {len(fields)} fields, '{text[:80]}'; "
            "mend the line or name another --data.format"
        )
