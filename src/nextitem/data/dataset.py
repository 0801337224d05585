"""Dataset: the sequences of all users beside the maps of their ids; what everything after preparation reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from nextitem.data.ids import MEND, IdMap, read_table
from nextitem.data.log.bad_lines import FILE as BAD_LINES
from nextitem.data.log.bad_lines import BadLines, listed
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.kinds import Kinds, as_kinds
from nextitem.data.log.units import UNITS, WORDS, TimeUnit
from nextitem.data.numbered import Numbered, number
from nextitem.data.saving import save_array, save_table
from nextitem.data.sequences import Sequences, load_array
from nextitem.data.side.triples import Triples
from nextitem.data.training_data import Side
from nextitem.errors import InputError, expect, expect_word
from nextitem.notebook import html_table
from nextitem.replacing import replacing_folder
from nextitem.writing import write

FORMAT = 2  # of the saved folder; 1 had no ratings and no side tables
FINER = 3  # the same with times finer than seconds, which an earlier version would misread
READS = (1, FORMAT, FINER)

Weight = Literal["rating"]


@dataclass(frozen=True)
class Dataset:
    """A log that is ready: the items of every user in time order, the maps of the ids, and what stands beside the log.

    `ni.read_dataset` makes one of a file, `Dataset.from_interactions` one of a checked frame.
    """

    sequences: Sequences  # row r holds the items of user r + 1, oldest first
    users: IdMap
    items: IdMap
    name: str = "data"
    user_attributes: pl.DataFrame | None = None  # row p is that of user p + 1; null where nothing is known
    item_attributes: pl.DataFrame | None = None
    knowledge: Triples | None = None  # between items and other entities
    trust: Triples | None = None  # between users
    parts: np.ndarray | None = None  # (N,) int8 of every interaction: 0 train, 1 valid, 2 test, where files said so
    notes: tuple[str, ...] = ()  # what reading changed and what was dropped beside the log, to be said once
    time_unit: TimeUnit = "s"  # what the timestamps of `sequences` count since 1970
    bad_lines: tuple[BadLines, ...] = field(default=(), compare=False)  # left out of files; listed once, where kept
    kinds: Kinds | None = None  # the words that the ratings were in the log, and their numbers

    @classmethod
    def from_interactions(cls, log: Interactions, name: str = "data", weight: Weight | None = None) -> Dataset:
        """Number the ids and sort by (user, timestamp); equal timestamps keep the order of the log.

        `weight="rating"`: an interaction counts as much as its rating says.

        Raises:
            InputError: there are no ratings to weigh by, or one is not above 0.
        """
        expect("log", log, Interactions, "make one with ni.Interactions.from_frame(frame), or ni.read_dataset(frame)")
        if weight is not None:
            expect_word("weight", weight, Weight)
            log.ratings_for("a weight", "leave data.weight out")
        dataset = cls.from_numbered(number(log), name, weight)
        return replace(dataset, notes=log.notes, bad_lines=log.bad_lines, kinds=log.kinds)

    @classmethod
    def from_numbered(cls, log: Numbered, name: str = "data", weight: Weight | None = None) -> Dataset:
        """A data set of a log whose codes are its final numbers, less one."""
        if weight is not None:
            _refuse_weightless(log)
        offsets = np.concatenate([[0], np.cumsum(log.lengths)]).astype(np.int64)
        weights = None if weight is None else log.ratings
        sequences = Sequences.from_offsets(log.items + np.int32(1), offsets, log.times, weights, log.ratings)
        users, items = IdMap(log.user_ids.alias("id")), IdMap(log.item_ids.alias("id"))
        return cls(sequences, users, items, name, parts=log.parts, time_unit=log.time_unit)

    def __repr__(self) -> str:
        times = "" if self.sequences.timestamps is not None else ", without times"
        beside = f", with {', '.join(self._beside)}" if self._beside else ""
        return (
            f"Dataset({self.name}: {self.num_users:,} users, {self.num_items:,} items, {self.num_interactions:,} "
            f"interactions{times}{beside})"
        )

    def _repr_html_(self) -> str:
        """A table, in notebooks."""
        rows = [
            ("users", f"{self.num_users:,}"),
            ("items", f"{self.num_items:,}"),
            ("interactions", f"{self.num_interactions:,}"),
            ("density", f"{self.density:.4%}"),
            ("times", "none: file order" if self.sequences.timestamps is None else f"in {WORDS[self.time_unit]}"),
            ("beside the log", ", ".join(self._beside) or "nothing"),
        ]
        return html_table(self.name, (), rows)

    @property
    def _beside(self) -> list[str]:
        """What stands beside the log, in words."""
        tables = {
            "user attributes": self.user_attributes, "item attributes": self.item_attributes,
            "a knowledge graph": self.knowledge, "trust": self.trust,
        }  # fmt: skip
        return [word for word, found in tables.items() if found is not None]

    @property
    def num_users(self) -> int:
        """How many users there are; they are numbered from 1."""
        return len(self.users)

    @property
    def num_items(self) -> int:
        """How many items there are; they are numbered from 1."""
        return len(self.items)

    @property
    def num_interactions(self) -> int:
        """How many interactions the users have together."""
        return self.sequences.num_interactions

    @property
    def density(self) -> float:
        """The share of all user-item pairs that the log has (a repeated pair counts each time)."""
        return self.num_interactions / (self.num_users * self.num_items)

    @property
    def side(self) -> Side:
        """What stands beside the log, as a split hands it to models."""
        return Side(self.user_attributes, self.item_attributes, self.knowledge, self.trust)

    def save(self, folder: str | Path) -> None:
        """Write a folder that `load` reads. It appears whole or not at all.

        Raises:
            InputError: something that is not a saved data set stands there.
        """
        folder = Path(folder)
        if folder.exists() and not (folder / "dataset.json").exists():
            raise InputError(f"{folder} exists and is not a saved data set; name another folder")
        with replacing_folder(folder) as part:
            self._write(part)

    def _write(self, folder: Path) -> None:
        self.sequences.save(folder)
        if self.parts is not None:
            save_array(self.parts, folder / "parts.npy")
        self.users.save(folder / "users.parquet")
        self.items.save(folder / "items.parquet")
        for role, table in (("user", self.user_attributes), ("item", self.item_attributes)):
            if table is not None:
                save_table(table, folder / f"{role}-attributes.parquet")
        for name, graph in (("knowledge", self.knowledge), ("trust", self.trust)):
            if graph is not None:
                graph.save(folder, name)
        if self.bad_lines:
            write(folder / BAD_LINES, listed(self.bad_lines))
        description = {"format": FORMAT, "name": self.name, "notes": self.notes}
        if self.time_unit != "s":
            description |= {"format": FINER, "time_unit": self.time_unit}
        if self.kinds is not None:
            description["kinds"] = {kind: float(number) for kind, number in self.kinds.items()}
        write(folder / "dataset.json", (json.dumps(description) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> Dataset:
        """The data set that `save` wrote, memory-mapped: nothing is read before it is used.

        Raises:
            InputError: it was saved in a format that this version does not know, or is damaged.
        """
        folder = Path(folder)
        description = _description(folder / "dataset.json")
        if description["format"] not in READS:
            raise InputError(
                f"{folder} was saved in format {description['format']}, this version reads {FORMAT}; save it again"
            )
        time_unit = description.get("time_unit", "s")
        if time_unit not in UNITS:
            raise InputError(
                f"{folder}: dataset.json has times in {time_unit!r}, known: {', '.join(UNITS)}; save it again"
            )
        users, items = IdMap.load(folder / "users.parquet"), IdMap.load(folder / "items.parquet")
        parts = folder / "parts.npy"
        return _checked(
            folder,
            cls(
                Sequences.load(folder),
                users,
                items,
                description["name"],
                _table(folder / "user-attributes.parquet"),
                _table(folder / "item-attributes.parquet"),
                _graph(folder, "knowledge", len(items)),
                _graph(folder, "trust", len(users)),
                load_array(parts, "i") if parts.exists() else None,
                tuple(description.get("notes", ())),
                time_unit,
                kinds=_kinds(folder, description),
            ),
        )


def _description(path: Path) -> dict[str, Any]:
    """Of what was saved; raises InputError where it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({str(error)[:80]}); {MEND}") from error
    if not isinstance(found, dict) or not {"format", "name"} <= found.keys() or not isinstance(found["name"], str):
        raise InputError(f"{path} is damaged: it must say format and name, found {str(found)[:60]}; {MEND}")
    return found


def _kinds(folder: Path, description: dict[str, Any]) -> Kinds | None:
    try:
        return as_kinds(description.get("kinds"))
    except InputError as error:
        raise InputError(f"{folder / 'dataset.json'} is damaged: {error}; {MEND}") from error


def _checked(folder: Path, dataset: Dataset) -> Dataset:
    """Raises InputError where rows, ids and what stands beside them are not of one size: kernels trust that."""
    rows = dataset.sequences
    if len(dataset.users) != len(rows):
        counts = f"offsets.npy has {len(rows):,} rows, users.parquet {len(dataset.users):,} users"
        raise InputError(f"{folder} is damaged: {counts}; {MEND}")
    sizes = dict[str, tuple[int, int]]()
    tables = {"user": (dataset.user_attributes, len(rows)), "item": (dataset.item_attributes, len(dataset.items))}
    sizes |= {f"{role}-attributes.parquet": (len(table), n) for role, (table, n) in tables.items() if table is not None}
    if dataset.parts is not None:
        sizes["parts.npy"] = (len(dataset.parts), len(rows.items))
    for name, (found, wanted) in sizes.items():
        if found != wanted:
            raise InputError(f"{folder / name} has {found:,} rows, the data set has {wanted:,}; {MEND}")
    if len(rows.items) and not (rows.items.min() >= 1 and rows.items.max() <= len(dataset.items)):
        raise InputError(
            f"{folder} is damaged: items.npy must hold 1 to {len(dataset.items)}, found {rows.items.min()} to "
            f"{rows.items.max()}; {MEND}"
        )
    return dataset


def _table(path: Path) -> pl.DataFrame | None:
    return read_table(path) if path.exists() else None


def _graph(folder: Path, name: str, num_own: int) -> Triples | None:
    return Triples.load(folder, name, num_own) if (folder / f"{name}.parquet").exists() else None


def _refuse_weightless(log: Numbered) -> None:
    if log.ratings is None:
        raise InputError(
            "weights need a rating column; the log has none (name it with --data.rating, or leave data.weight out)"
        )
    wrong = np.flatnonzero(log.ratings <= 0)
    if len(wrong):
        first = wrong[np.argmin(log.rows[wrong])]
        raise InputError(
            f"a rating that weighs must be above 0, found {log.ratings[first]:g} in row {log.rows[first]} and "
            f"{len(wrong) - 1} more; leave such rows out with data.min_rating"
        )
