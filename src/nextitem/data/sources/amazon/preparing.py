"""Mamba4Rec-without-RecBole's preparation of Amazon's reviews, category by category."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from nextitem.data import numbered
from nextitem.data.log.interactions import Interactions
from nextitem.data.numbered import Numbered
from nextitem.data.sources.amazon.metadata import read_metadata
from nextitem.data.sources.formats.files import explained
from nextitem.data.sources.formats.output import replacing
from nextitem.data.sources.formats.places import Layout, check_fields
from nextitem.errors import InputError

SHORTEST = 3  # of a user: one item to start from, one to choose by, one to test
RATINGS = Layout("amazon", ("user", "item", "rating", "-"), ",", "user, item, rating and unixtime, split by commas")
BLOCK = 2**18  # interactions whose text is in memory at once


@dataclass(frozen=True)
class OutputNames:
    train: str = "train_seq.jsonl"
    eval: str = "eval_seq.jsonl"
    test: str = "test_seq.jsonl"
    items: str = "item2id.jsonl"
    users: str = "user2id.jsonl"


@dataclass(frozen=True)
class Category:
    """What became of one category."""

    name: str
    rows: int  # of the file
    duplicates: int  # equal rows that went
    core: int  # interactions left by the core
    without_metadata: int  # of these, left out since the item has no metadata
    short_users: int  # left out since fewer than three interactions were left
    users: int
    items: int
    interactions: int
    train_rows: int


def prepare_amazon(raw: Path, processed: Path, k_core: int = 5, names: OutputNames | None = None) -> list[Category]:
    """Write five files to `processed/X/` for every folder `raw/X/`: rows and maps, as AlwaysFHao's process_item.py.

    Of a folder the first `*.csv` (`user,item,rating,unixtime`) and the first `meta*.json.gz` are read, by name. Equal
    rows count once. Then the iterated k-core; items of the metadata that are left get 1..N and users 0..U-1, in the
    order of their texts. A user's items are put by time, n of them: the train rows are the first 2, 3, .. n - 2, the
    eval row all but the last, the test row all. The last item of a row is its label.

    What differs from the source:

    - ids begin anew in every category (there the maps of one category ran on into the next);
    - equal times stay in the order of the file (there in that of a set, which changes from run to run);
    - interactions with items that have no metadata are left out and counted (there a KeyError). This comes after the
      core, in the source's order, so what is left may be less than a k-core;
    - users with fewer than three interactions left are left out and counted, before users are numbered (there they
      made rows without a label). Items keep their numbers;
    - metadata is parsed as a literal or JSON (there `eval` ran it).

    Raises:
        InputError: a folder or file is missing, a line is not what it must be, or nothing is left.
    """
    names = names or OutputNames()
    _check_names(names)
    if not raw.is_dir():
        raise InputError(f"{raw} is no folder; name the one that holds a folder for each category")
    folders = sorted(one for one in raw.iterdir() if one.is_dir() and not one.name.startswith("."))
    if not folders:
        raise InputError(f"{raw} has no folder in it; it must hold one for each category, such as raw/All_Beauty/")
    sources = [(_first(folder, "*.csv"), _first(folder, "meta*.json.gz")) for folder in folders]
    done = []
    for folder, (log, metadata) in zip(folders, sources, strict=True):
        try:
            done.append(_prepare_category(folder.name, log, metadata, processed, k_core, names))
        except InputError as error:
            raise InputError(f"{folder.name}: {error}") from error
    return done


def read_log(path: Path) -> pl.DataFrame:
    """`user` and `item` as text, `rating`, `timestamp` in whole seconds."""
    table = check_fields(path, RATINGS)
    field = pl.col("fields").list
    number = field.get(3).str.strip_chars().cast(pl.Int64, strict=False)
    rating = field.get(2).str.strip_chars().cast(pl.Float64, strict=False)
    user, item = field.get(0).str.strip_chars(), field.get(1).str.strip_chars()
    read = table.select("line", "text", user=user, item=item, rating=rating, timestamp=number)
    is_wrong = pl.any_horizontal(
        pl.col("user") == "", pl.col("item") == "", pl.col("rating").is_null(), pl.col("timestamp").is_null()
    )
    wrong = read.filter(is_wrong)
    if len(wrong):
        line, text = wrong.select("line", "text").row(0)
        raise InputError(
            f"{path.name}, line {line}: needs two ids, a number and whole seconds since 1970, found '{text[:80]}'; "
            "mend or drop the line"
        )
    return read.select("user", "item", "rating", "timestamp")


def _prepare_category(
    name: str, log_path: Path, metadata: Path, processed: Path, k_core: int, names: OutputNames
) -> Category:
    table = read_log(log_path)
    distinct = table.unique(maintain_order=True, keep="first")
    log = numbered.number(Interactions.from_frame(distinct, name=log_path.name, time_unit="s"))
    core = numbered.k_core(log, k_core, k_core)
    known = pl.Series([item for item, _ in read_metadata(metadata)], dtype=pl.String).unique()
    is_known = core.item_ids.is_in(known.implode()).to_numpy()
    described = core.at(is_known[core.items])
    if len(described) == 0:
        raise InputError(f"{metadata.name} has none of the items of {log_path.name}; put files of one category there")
    is_item = described.popularity > 0
    items = core.item_ids.filter(pl.Series(is_item))
    left = numbered.lengths(described, SHORTEST, None)
    is_user = described.lengths >= SHORTEST
    users = core.user_ids.filter(pl.Series(is_user))
    user = (np.cumsum(is_user) - 1)[left.users]
    item = np.cumsum(is_item)[left.items]
    folder = processed / name
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    train_rows = _write(folder, names, left, user, item, users, items)
    return Category(
        name=name,
        rows=len(table),
        duplicates=len(table) - len(distinct),
        core=len(core),
        without_metadata=len(core) - len(described),
        short_users=len(np.unique(core.users)) - len(users),
        users=len(users),
        items=len(items),
        interactions=len(left),
        train_rows=train_rows,
    )


def _write(
    folder: Path,
    names: OutputNames,
    log: Numbered,
    user: np.ndarray,
    item: np.ndarray,
    users: pl.Series,
    items: pl.Series,
) -> int:
    """All five files or none, for a failure before the last line is written. The number of train rows."""
    assert log.times is not None
    num_train = 0
    with ExitStack() as stack:
        train, valid, test, item2id, user2id = (stack.enter_context(replacing(folder / one)) for one in astuple(names))
        for code, text, ends in _texts(user, item, log.times):
            head = f"[{code}, ["
            rows = [f"{head}{text[:end]}]]\n" for end in ends[1:-2]]
            num_train += len(rows)
            train.write("".join(rows).encode())
            valid.write(f"{head}{text[: ends[-2]]}]]\n".encode())
            test.write(f"{head}{text}]]\n".encode())
        _write_map(item2id, items, 1)
        _write_map(user2id, users, 0)
    return num_train


def _texts(user: np.ndarray, item: np.ndarray, timestamp: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
    """Of every user the number, the text of all pairs, and where in it each pair ends."""
    bounds = np.append(np.flatnonzero(np.diff(user, prepend=-1)), len(user))
    first = 0
    while first < len(bounds) - 1:
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + BLOCK, side="right")) - 1)
        block = slice(bounds[first], bounds[last])
        pairs = pl.DataFrame({"item": item[block], "time": timestamp[block]})
        column = pairs.select(text=pl.format("[{}, {}]", "item", "time"))["text"]
        texts, sizes = column.to_list(), column.str.len_bytes().to_numpy().astype(np.int64)
        for place in range(first, last):
            start, stop = bounds[place] - bounds[first], bounds[place + 1] - bounds[first]
            ends = np.cumsum(sizes[start:stop] + 2) - 2  # a comma and a blank between two
            yield int(user[bounds[place]]), ", ".join(texts[start:stop]), ends
        first = last


def _write_map(file: BinaryIO, ids: pl.Series, start: int) -> None:
    for number, raw in enumerate(ids, start):
        file.write(f"{json.dumps([raw, number])}\n".encode())


def _first(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise InputError(f"{folder} has no {pattern}; put ratings_X.csv and meta_X.json.gz there, or take it away")
    return found[0]


def _check_names(names: OutputNames) -> None:
    given = astuple(names)
    for name in given:
        if name != Path(name).name or name in ("", ".."):
            raise InputError(f"an output file must be a name without a folder, found '{name}'; PROCESSED is the folder")
        if given.count(name) > 1:
            raise InputError(f"every output file needs its own name, found '{name}' twice; rename one")
