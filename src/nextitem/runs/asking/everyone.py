"""Everyone: recommendations for many users of a run, chunk after chunk, into a table of a row an item.

| column | |
|---|---|
| user, item | external ids |
| rank | 1 is best |
| score | of the model, comparable within a user; by popularity, how often the run's users have met the item |
| from | model, or popularity: the model knows nothing of the user |

Each user has what `Run.recommend` answers for that user alone, bit for bit, however large the chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from typing import IO, Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from nextitem.data.ids import PAD
from nextitem.data.saving import disk_faults
from nextitem.errors import InputError
from nextitem.models.strangers import is_known
from nextitem.runs.asking.answers import Rules, best_kept, popular
from nextitem.runs.asking.listed import read_listed
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.rows import Fallback, is_known_without_items
from nextitem.runs.parts.build import build_memory
from nextitem.writing import replacing

ENDINGS = (".parquet", ".csv", ".jsonl")
MOST = 4096  # users of a chunk
BYTES_A_ROW = 200  # of the table, with two ids of text


@dataclass(frozen=True)
class Asked:
    """Who is to be answered."""

    ids: pl.Series  # (R,) external ids, each once
    places: np.ndarray  # (R,) int64, their indices; PAD of whom the model knows nothing

    @classmethod
    def everyone(cls, run: Run) -> Asked:
        """All users of the run, in its order."""
        return cls(run.users.column, _known(run, np.arange(1, len(run.users) + 1)))

    @classmethod
    def listed(cls, run: Run, path: Path) -> Asked:
        """The users of a file, in its order; see `read_listed`."""
        ids = read_listed(path, "user")
        if run.users.column.dtype == pl.Int64:
            numbers = ids.cast(pl.Int64, strict=False)
            ids = numbers if (numbers.cast(pl.String) == ids).fill_null(False).all() else ids
        return cls.of(run, ids)

    @classmethod
    def of(cls, run: Run, ids: pl.Series) -> Asked:
        """These users, whose ids are of the kind that the run's are."""
        return cls(ids, _known(run, run.users.indices(ids)))

    @property
    def strangers(self) -> pl.Series:
        """The ids of those of whom the model knows nothing."""
        return self.ids.filter(pl.Series(self.places == PAD))


def _known(run: Run, places: np.ndarray) -> np.ndarray:
    """The indices, with PAD for users of whom the model learned nothing, or who met nothing where it goes by that."""
    if is_known_without_items(run.model):
        return places
    places = np.where(is_known(run.model, places), places, PAD)
    has_met = np.concatenate([[False], run.histories.lengths > 0])
    known: np.ndarray = np.where(has_met[places], places, PAD)
    return known


def chunks(
    run: Run,
    asked: Asked,
    rules: Rules,
    *,
    fallback: Fallback = "popularity",
    chunk: int | None = None,
    ann: bool = False,
) -> Iterator[pl.DataFrame]:
    """The tables of `chunk` users after each other, by default as many as the run's evaluation.memory_mb has room for.

    A user for whom the rules leave fewer than k items has fewer rows; of whom the model knows nothing has the most
    popular items, or none where `fallback` is none. With `ann` the run's index finds the items.

    Raises:
        InputError: the run keeps no histories, or more items are asked for than there are.
    """
    k = rules.k
    if not 1 <= k <= rules.num_shown:
        raise InputError(f"k must lie between 1 and {rules.num_shown} (the items that may be recommended); found {k}")
    memory = build_memory(run.recipe.evaluation, run.model.num_items)
    size = chunk or max(1, min(MOST, memory // (k * BYTES_A_ROW)))
    is_wanted = fallback == "popularity" and (asked.places == PAD).any()
    best_known = popular(run.popularity, rules.hidden, rules) if is_wanted else np.zeros(0, dtype=np.int64)
    index = run.opened_index if ann else None
    with run.model.ready():
        for start in range(0, len(asked.ids), size):
            places = asked.places[start : start + size]
            is_known = places != PAD
            items = np.full((len(places), k), PAD, dtype=np.int64)
            scores = np.zeros((len(places), k), dtype=np.float32)
            items[is_known], scores[is_known] = best_kept(run, places[is_known], rules, index)
            items[~is_known, : len(best_known)] = best_known
            scores[~is_known, : len(best_known)] = run.popularity[best_known] if len(best_known) else 0
            yield _table(run, asked.ids[start : start + size], items, scores, is_known)


def _table(run: Run, ids: pl.Series, items: np.ndarray, scores: np.ndarray, is_known: np.ndarray) -> pl.DataFrame:
    """(n, k) items and scores in long form, without PAD."""
    rows, ranks = np.nonzero(items != PAD)
    source = pl.Series(is_known[rows]).replace_strict({True: "model", False: "popularity"}, return_dtype=pl.String)
    return pl.DataFrame({
        "user": ids.gather(rows),
        "rank": pl.Series(ranks + 1, dtype=pl.Int32),
        "item": run.items.column.gather(items[rows, ranks] - 1),
        "score": scores[rows, ranks],
        "from": source,
    })  # fmt: skip


def ending(path: Path) -> str:
    """Raises InputError where the name has none of the endings that say how the table is written."""
    found = path.suffix.lower()
    if found not in ENDINGS:
        raise InputError(f"--out {path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, which says its format")
    return found


def write_chunks(tables: Iterator[pl.DataFrame], path: Path) -> None:
    """Write the tables as one file, by its ending, which appears when all of it is there; one after the other, so that
    no more than a few are held.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    kind = ending(path)
    with replacing(path) as file, disk_faults():
        if kind == ".parquet":
            _write_parquet(tables, file)
            return
        for number, table in enumerate(tables):
            if kind == ".csv":
                table.write_csv(file, include_header=number == 0)
            else:
                table.write_ndjson(file)


def _write_parquet(tables: Iterator[pl.DataFrame], file: IO[bytes]) -> None:
    """Polars pulls the tables from threads of its own; they are made in this one, whose threads torch was told."""
    first = next(tables)
    waiting: Queue[pl.DataFrame | None] = Queue(1)

    def pulled(*_: Any) -> Iterator[pl.DataFrame]:
        yield first
        while (table := waiting.get()) is not None:
            yield table

    with ThreadPoolExecutor(1) as pool:
        sink = pool.submit(register_io_source(pulled, schema=first.schema).sink_parquet, file)
        try:
            for table in tables:
                _put(waiting, table, sink)
                if sink.done():  # it could not write
                    break
        finally:
            _put(waiting, None, sink)
    sink.result()


def _put(waiting: Queue[pl.DataFrame | None], table: pl.DataFrame | None, sink: Future[Any]) -> None:
    """Wait for room, unless the other side has ended."""
    while not sink.done():
        with suppress(Full):
            waiting.put(table, timeout=0.1)
            return
