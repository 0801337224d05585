"""Headerless text: MovieLens' and Amazon's ratings, the same split by spaces, SASRec's pairs, S3-Rec's rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from nextitem.data.log.bad_lines import LineError
from nextitem.data.sources.formats.attributes import item_attributes_beside
from nextitem.data.sources.formats.fields import to_interactions
from nextitem.data.sources.formats.files import first_lines, lines
from nextitem.data.sources.formats.format import Format, Head, Reading, fixed
from nextitem.data.sources.formats.graph_text import has_numbered_graph
from nextitem.data.sources.formats.places import MEND, Layout, read_places, refuse_header, refuse_other_counts
from nextitem.data.sources.formats.times import untimed_note
from nextitem.data.sources.formats.white_space import are_times

USER_FIRST = ("user", "item", "rating", "timestamp")
USER_TIME = ("user", "item", "timestamp")
TABS = Layout("movielens", USER_FIRST, "\t", "user, item, rating and timestamp, split by tabs or ::")
USER_ITEM = Layout("ratings", USER_FIRST, ",", "user, item, rating and timestamp, split by commas")
ITEM_USER = Layout(
    "item-ratings", ("item", "user", "rating", "timestamp"), ",", "item, user, rating and timestamp, split by commas"
)

USER_ITEM_TIME = Layout("times", USER_TIME, ",", "user, item and timestamp, split by commas")
ITEM_USER_TIME = Layout("item-times", ("item", "user", "timestamp"), ",", "item, user and timestamp, split by commas")

# Without quotes, which would become a part of the ids.
RATING = re.compile(r'[^,"]+,[^,"]+,[\d.]+,\d+')
TIMED = re.compile(r'[^,"]+,[^,"]+,[^,"]+')
DATE = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d\b.*")
# Amazon's items have ten characters; its users begin with A and have more, for most lines.
ITEM_RATING = re.compile(r"[0-9A-Z]{10},A[0-9A-Z]{10,20},[\d.]+,\d+")


def read_movielens(path: Path) -> Reading:
    """`user item rating timestamp` a line, split by tabs (u.data) or :: (ratings.dat)."""
    has_colons = "::" in "".join(first_lines(path, count=1))
    return _read(path, replace(TABS, separator="::") if has_colons else TABS)


def read_ratings(path: Path) -> Reading:
    """`user,item,rating,timestamp` a line, split by commas (Amazon 2014's ratings_X.csv)."""
    return _read(path, USER_ITEM)


def read_item_ratings(path: Path) -> Reading:
    """`item,user,rating,timestamp` a line, split by commas (Amazon 2018's ratings, the item first)."""
    return _read(path, ITEM_USER)


def read_pairs(path: Path) -> Reading:
    """`user item` a line, split by white space, in time order (kang205/SASRec's data files)."""
    table = _split_at_space(path, "pairs", "user and item, split by white space", 2, 2)
    log = to_interactions(_fields(table, USER_FIRST[:2]), path, notes=(untimed_note(path.name),))
    return Reading(log, _by_field(USER_FIRST[:2]))


def read_spaced_ratings(path: Path) -> Reading:
    """`user item rating` a line, or `user item rating timestamp`, split by white space (FilmTrust, Epinions)."""
    with_times = len("".join(first_lines(path, count=1)).split()) > 3
    layout = f"user, item{', rating and timestamp' if with_times else ' and rating'}, split by white space"
    width = 4 if with_times else 3
    table = _split_at_space(path, "spaced-ratings", layout, width, width)
    return Reading(to_interactions(_fields(table, USER_FIRST[:width]), path, MEND), _by_field(USER_FIRST[:width]))


def read_spaced_times(path: Path) -> Reading:
    """`user item timestamp` a line, split by white space."""
    layout = "user, item and timestamp, split by white space"
    table = _split_at_space(path, "spaced-times", layout, len(USER_TIME), len(USER_TIME))
    return Reading(to_interactions(_fields(table, USER_TIME), path, MEND), _by_field(USER_TIME))


def read_times(path: Path) -> Reading:
    """`user,item,timestamp` a line, split by commas."""
    return _read(path, USER_ITEM_TIME)


def read_item_times(path: Path) -> Reading:
    """`item,user,timestamp` a line, split by commas (NineRec's X_pair.csv).

    https://github.com/westlake-repl/NineRec: its get_behaviour.py names these columns so. Nothing in a line tells it
    from `user,item,timestamp`, so its name does.
    """
    reading = _read(path, ITEM_USER_TIME)
    said = f"a line of {path.name} is read as item, user and time, as NineRec's; --data.format times has the user first"
    return replace(reading, log=replace(reading.log, notes=(said, *reading.log.notes)))


def read_sequences(path: Path) -> Reading:
    """`user item item ..` a line, split by white space, oldest first (RUCAIBox/CIKM2020-S3Rec's files)."""
    table = _split_at_space(path, "sequences", "user and one item or more, split by white space", 2, None)
    user, items = pl.col("fields").list.first().alias("user"), pl.col("fields").list.slice(1).alias("item")
    table = table.select("line", user, items).explode("item", empty_as_null=False)
    return Reading(to_interactions(table, path, notes=(untimed_note(path.name),)), _by_field(("user", "item ..")))


def read_labels(path: Path) -> Reading:
    """`user item label` a line, split by white space (RippleNet's and KGCN's ratings_final.txt); the label, 1 for an
    interaction and 0 for an item that was drawn as its negative, is the rating."""
    table = _split_at_space(path, "labels", "user, item and label, split by white space", 3, 3)
    table = _fields(table, USER_FIRST[:3])
    wrong = table.filter(~pl.col("rating").is_in(["0", "1"]))
    if len(wrong):
        raise LineError(
            f"{path.name}, line {wrong['line'][0]}: a label is 1 or 0, found '{wrong['rating'][0][:80]}'; mend the "
            "line, or read the file with --data.format spaced-ratings",
            wrong.select(place="line", kind=pl.lit("label that is neither 0 nor 1")),
        )
    negatives = int((table["rating"] == "0").sum())
    note = (
        f"{negatives:,} of {len(table):,} rows of {path.name} have the label 0: negatives that were drawn, no "
        "interactions; --data.min_rating 1 leaves them out"
    )
    notes = (untimed_note(path.name), *([note] if negatives else []))
    return Reading(to_interactions(table, path, notes=notes), _by_field(USER_FIRST[:3]))


def _split_at_space(path: Path, name: str, layout: str, fewest: int, most: int | None) -> pl.DataFrame:
    table = lines(path).with_columns(fields=pl.col("text").str.extract_all(r"\S+"))
    refuse_header(table, path, name)
    refuse_other_counts(table, path, name, layout, fewest, most)
    return table


def _fields(table: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    return table.select("line", *(pl.col("fields").list.get(place).alias(name) for place, name in enumerate(names)))


def _read(path: Path, layout: Layout) -> Reading:
    return Reading(to_interactions(read_places(path, layout), path, MEND), layout.columns)


def _by_field(places: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`Reading.columns` of fields that have no names."""
    return tuple((f"field {place}", role) for place, role in enumerate(places, start=1))


def _is_movielens(head: Head) -> bool:
    has_colons = all(line.count("::") == 3 for line in head.lines)
    return has_colons or (not head.names_columns and head.told.format == "movielens")


def _are_ratings(head: Head) -> bool:
    if not all(RATING.fullmatch(line) for line in head.lines):
        return False
    third, fourth = (tuple(line.split(",")[place] for line in head.lines) for place in (2, 3))
    return not are_times(third) or are_times(fourth)  # else a time, then a rating


def _are_times(head: Head) -> bool:
    if not all(TIMED.fullmatch(line) for line in head.lines):
        return False
    third = tuple(line.split(",")[2] for line in head.lines)
    return are_times(third) or all(DATE.fullmatch(field) for field in third)


def _are_item_times(head: Head) -> bool:
    return head.name.endswith("_pair.csv") and _are_times(head)


def _are_item_ratings(head: Head) -> bool:
    return all(ITEM_RATING.fullmatch(line) for line in head.lines)


def _told(name: str) -> Callable[[Head], bool]:
    return lambda head: head.told.format == name


def _are_sequences(head: Head) -> bool:
    """Lines that may be rows are S3-Rec's where its attributes stand beside them, and KGAT's beside its graph."""
    told = head.told
    if told.format == "sequences" or "sequences" not in told.may_be:
        return told.format == "sequences"
    of_kgat = head.name in ("train.txt", "test.txt") and has_numbered_graph(head.path.parent)
    return of_kgat or item_attributes_beside(head.path) is not None


MOVIELENS = Format(
    "movielens",
    "u.data or ratings.dat, user item rating timestamp",
    fixed(read_movielens),
    _is_movielens,
    file_names=("u.data", "ratings.dat"),
)
LABELS = Format(
    "labels",
    "ratings_final.txt, user item label, the label 0 for a drawn negative",
    fixed(read_labels),
    lambda _: False,  # by its name alone: labels look like ratings, and like items
    file_names=("ratings_final.txt",),
)
PAIRS = Format("pairs", "user item a line, in time order", fixed(read_pairs), _told("pairs"))
SEQUENCES = Format("sequences", "user item item .. a line, in time order", fixed(read_sequences), _are_sequences)
SPACED_RATINGS = Format(
    "spaced-ratings",
    "user item rating, or user item rating timestamp, split by white space",
    fixed(read_spaced_ratings),
    _told("spaced-ratings"),
)
SPACED_TIMES = Format(
    "spaced-times", "user item timestamp, split by white space", fixed(read_spaced_times), _told("spaced-times")
)
RATINGS = Format(
    "ratings",
    "Amazon 2014's CSV without a header, user,item,rating,timestamp",
    fixed(read_ratings),
    _are_ratings,
)
ITEM_RATINGS = Format(
    "item-ratings",
    "Amazon 2018's CSV without a header, item,user,rating,timestamp",
    fixed(read_item_ratings),
    _are_item_ratings,
)
TIMES = Format("times", "CSV without a header, user,item,timestamp", fixed(read_times), _are_times)
ITEM_TIMES = Format(
    "item-times",
    "CSV without a header, item,user,timestamp, as NineRec's X_pair.csv",
    fixed(read_item_times),
    _are_item_times,
)
