"""Headerless text: MovieLens' and Amazon's ratings, the same split by spaces, SASRec's pairs, S3-Rec's rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.fields import to_interactions
from nextitem.data.sources.formats.files import first_lines, lines
from nextitem.data.sources.formats.places import MEND, Layout, read_places, refuse_header, refuse_other_counts
from nextitem.data.sources.formats.times import untimed_note

USER_FIRST = ("user", "item", "rating", "timestamp")
SPACED_TIMES = ("user", "item", "timestamp")
MOVIELENS = Layout("movielens", USER_FIRST, "\t", "user, item, rating and timestamp, split by tabs or ::")
RATINGS = Layout("ratings", USER_FIRST, ",", "user, item, rating and timestamp, split by commas")
ITEM_RATINGS = Layout(
    "item-ratings", ("item", "user", "rating", "timestamp"), ",", "item, user, rating and timestamp, split by commas"
)


def read_movielens(path: Path) -> Interactions:
    """`user item rating timestamp` a line, split by tabs (u.data) or :: (ratings.dat)."""
    return _read(path, movielens_layout(path))


def movielens_layout(path: Path) -> Layout:
    return replace(MOVIELENS, separator="::") if "::" in "".join(first_lines(path, count=1)) else MOVIELENS


def read_ratings(path: Path) -> Interactions:
    """`user,item,rating,timestamp` a line, split by commas (Amazon 2014's ratings_X.csv)."""
    return _read(path, RATINGS)


def read_item_ratings(path: Path) -> Interactions:
    """`item,user,rating,timestamp` a line, split by commas (Amazon 2018's ratings, the item first)."""
    return _read(path, ITEM_RATINGS)


def read_pairs(path: Path) -> Interactions:
    """`user item` a line, split by white space, in time order (kang205/SASRec's data files)."""
    table = _split_at_space(path, "pairs", "user and item, split by white space", 2, 2)
    return to_interactions(_fields(table, USER_FIRST[:2]), path, notes=(untimed_note(path.name),))


def read_spaced_ratings(path: Path) -> Interactions:
    """`user item rating` a line, or `user item rating timestamp`, split by white space (FilmTrust, Epinions)."""
    with_times = spaced_ratings_places(path) == USER_FIRST
    layout = f"user, item{', rating and timestamp' if with_times else ' and rating'}, split by white space"
    width = 4 if with_times else 3
    table = _split_at_space(path, "spaced-ratings", layout, width, width)
    return to_interactions(_fields(table, USER_FIRST[:width]), path, MEND)


def spaced_ratings_places(path: Path) -> tuple[str, ...]:
    """What the first line has."""
    return USER_FIRST[: 4 if len("".join(first_lines(path, count=1)).split()) > 3 else 3]


def read_spaced_times(path: Path) -> Interactions:
    """`user item timestamp` a line, split by white space."""
    layout = "user, item and timestamp, split by white space"
    table = _split_at_space(path, "spaced-times", layout, len(SPACED_TIMES), len(SPACED_TIMES))
    return to_interactions(_fields(table, SPACED_TIMES), path, MEND)


def read_sequences(path: Path) -> Interactions:
    """`user item item ..` a line, split by white space, oldest first (RUCAIBox/CIKM2020-S3Rec's files)."""
    table = _split_at_space(path, "sequences", "user and one item or more, split by white space", 2, None)
    user, items = pl.col("fields").list.first().alias("user"), pl.col("fields").list.slice(1).alias("item")
    return to_interactions(table.select("line", user, items).explode("item"), path, notes=(untimed_note(path.name),))


def _split_at_space(path: Path, name: str, layout: str, fewest: int, most: int | None) -> pl.DataFrame:
    table = lines(path).with_columns(fields=pl.col("text").str.extract_all(r"\S+"))
    refuse_header(table, path, name)
    refuse_other_counts(table, path, name, layout, fewest, most)
    return table


def _fields(table: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    return table.select("line", *(pl.col("fields").list.get(place).alias(name) for place, name in enumerate(names)))


def _read(path: Path, layout: Layout) -> Interactions:
    return to_interactions(read_places(path, layout), path, MEND)
