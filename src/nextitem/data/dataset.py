"""Dataset: the sequences of all users beside the maps of their ids; what everything after preparation reads."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import narwhals as nw
import numpy as np

from nextitem.data.ids import IdMap
from nextitem.data.interactions import Interactions
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError

FORMAT = 1  # of the saved folder; raised when an older nextitem could misread it


@dataclass(frozen=True)
class Dataset:
    sequences: Sequences  # row r holds the items of user r + 1, oldest first
    users: IdMap
    items: IdMap
    name: str = "data"

    @classmethod
    def from_interactions(
        cls, log: Interactions, name: str = "data", weight: Literal["rating"] | None = None
    ) -> Dataset:
        """Number the ids and sort by (user, timestamp); equal timestamps keep the order of the log.

        `weight="rating"`: an interaction counts as much as its rating says.

        Raises:
            InputError: there are no ratings to weigh by, or one is not above 0.
        """
        if weight is not None:
            _refuse_weightless(log)
        frame = log.frame
        users, items = IdMap.of(frame["user"].unique().to_list()), IdMap.of(frame["item"].unique().to_list())
        frame = _number(_number(frame, "user", users), "item", items)
        keys = ["user", "timestamp", "row"] if log.has_timestamps else ["user", "row"]
        frame = frame.sort(*keys)
        counts = np.bincount(frame["user"].to_numpy(), minlength=len(users) + 1)
        times = frame["timestamp"].to_numpy().astype(np.int64) if log.has_timestamps else None
        sequences = Sequences.from_offsets(
            frame["item"].to_numpy().astype(np.int32),
            np.cumsum(counts).astype(np.int64),
            times,
            None if weight is None else frame[weight].to_numpy().astype(np.float32),
        )
        return cls(sequences, users, items, name)

    @property
    def num_users(self) -> int:
        return len(self.users)

    @property
    def num_items(self) -> int:
        return len(self.items)

    @property
    def num_interactions(self) -> int:
        return self.sequences.num_interactions

    @property
    def density(self) -> float:
        """The share of all user-item pairs that the log has (a repeated pair counts each time)."""
        return self.num_interactions / (self.num_users * self.num_items)

    def save(self, folder: Path) -> None:
        """Write a folder that `load` reads. It appears whole or not at all.

        Raises:
            InputError: something that is not a saved data set stands there.
        """
        if folder.exists() and not (folder / "dataset.json").exists():
            raise InputError(f"{folder} exists and is not a saved data set; name another folder")
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        self.sequences.save(part)
        self.users.save(part / "users.parquet")
        self.items.save(part / "items.parquet")
        (part / "dataset.json").write_text(json.dumps({"format": FORMAT, "name": self.name}) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        description = json.loads((folder / "dataset.json").read_text())
        if description["format"] != FORMAT:
            raise InputError(
                f"{folder} was saved in format {description['format']}, this version reads {FORMAT}; save it again"
            )
        return cls(
            Sequences.load(folder),
            IdMap.load(folder / "users.parquet"),
            IdMap.load(folder / "items.parquet"),
            description["name"],
        )


def _refuse_weightless(log: Interactions) -> None:
    if not log.has_ratings:
        raise InputError(
            "weights need a rating column; the log has none (name it with --data.rating, or leave data.weight out)"
        )
    wrong = log.frame.filter(nw.col("rating") <= 0)
    if len(wrong):
        raise InputError(
            f"a rating that weighs must be above 0, found {wrong['rating'][0]:g} in row {wrong['row'][0]} and "
            f"{len(wrong) - 1} more; leave such rows out with data.min_rating"
        )


def _number(frame: nw.DataFrame[Any], role: str, ids: IdMap) -> nw.DataFrame[Any]:
    """Replace the external ids of a column by their indices."""
    values = ids.values.tolist()
    table = nw.new_series(role, values, frame.schema[role], backend=frame.implementation).to_frame()
    table = table.with_row_index("index").with_columns(nw.col("index").cast(nw.Int64) + 1)
    return frame.join(table, on=role, how="left").drop(role).rename({"index": role})
