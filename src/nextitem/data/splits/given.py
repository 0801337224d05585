"""Given: training, validation and test that are files of their own become one log that remembers the parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.data.log.frames import to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, TimeUnit, finest
from nextitem.data.rising import is_by_items, is_first, rising_share
from nextitem.data.sources.formats.graph_text import has_numbered_graph
from nextitem.errors import InputError

NAMES = ("train", "valid", "test")
TRAIN_PART, VALID_PART = 0, 1  # their places in it, as the column `part` has them
VALID = ("valid", "val", "validation", "dev")
TRAIN = re.compile(r"(?<![A-Za-z])train(?![A-Za-z])")


def joined(train: Interactions, valid: Interactions | None, test: Interactions) -> Interactions:
    """One log after the other, with a column `part`: 0 train, 1 valid, 2 test. Ids that are numbers here and text there
    become text. Rows of a part that stand in an earlier one too are said.

    Raises:
        InputError: one of them lacks the timestamps, or the ratings, of another.
    """
    logs = {name: log for name, log in zip(NAMES, (train, valid, test), strict=True) if log is not None}
    unit = finest([log.time_unit for log in logs.values()])
    frames = [_in_unit(to_polars(log.frame).drop("row"), log.time_unit, unit) for log in logs.values()]
    unread = next((log.unread_ratings for log in logs.values() if log.unread_ratings), "")
    if unread:
        frames = [frame.drop("rating", strict=False) for frame in frames]
    schemas = [frame.collect_schema() for frame in frames]
    for name, schema in zip(logs, schemas, strict=True):
        if set(schema) != set(schemas[0]):
            raise InputError(
                f"train, valid and test need the same columns; train has {', '.join(sorted(schemas[0]))}, "
                f"{name} has {', '.join(sorted(schema))}"
            )
    texts = [role for role in ("user", "item") if any(schema[role] == pl.String for schema in schemas)]
    alike = [
        frame.select(sorted(schemas[0])).with_columns(
            pl.col(texts).cast(pl.String), part=pl.lit(NAMES.index(name), pl.Int8)
        )
        for name, frame in zip(logs, frames, strict=True)
    ]
    whole = pl.concat(alike, how="vertical_relaxed").with_row_index("row")
    log = Interactions.from_frame(
        whole,
        timestamp="timestamp" if train.has_timestamps else None,
        rating="rating" if train.has_ratings and not unread else None,
        row="row",
        part="part",
        notes=tuple(note for log in logs.values() for note in log.notes),
        name=f"{', '.join(list(logs)[:-1])} and test",
        time_unit=unit if train.has_timestamps else None,
    )
    bad = tuple(one for log in logs.values() for one in log.bad_lines)
    return replace(log, time_source=train.time_source, unread_ratings=unread, bad_lines=bad)


@dataclass(frozen=True)
class Overlap:
    """How many rows of one part are rows of an earlier one too: the same user, item and time, where there are times."""

    part: str
    earlier: str
    rows: int
    repeated: int

    @property
    def share(self) -> float:
        return self.repeated / max(1, self.rows)

    def __str__(self) -> str:
        alike = f"{self.repeated:,} of {self.rows:,} rows of {self.part} ({self.share:.1%})"
        return f"{alike} stand in {self.earlier} too, with the same user, item and time"


def overlaps(log: Interactions) -> list[Overlap]:
    """Of each part of a joined log with each earlier one, where there is any. Without times a row may be a repetition
    that is meant, and nothing is counted.
    """
    if not log.has_timestamps:
        return []
    frame = to_polars(log.frame)
    keys = ["user", "item", "timestamp"]
    parts = {name: frame.filter(pl.col("part") == number).select(keys) for number, name in enumerate(NAMES)}
    found = []
    for part, earlier in (("valid", "train"), ("test", "train"), ("test", "valid")):
        common = parts[part].join(parts[earlier].unique(), on=keys, how="semi")
        rows, repeated = (one.select(pl.len()).collect().item() for one in (parts[part], common))
        found.append(Overlap(part, earlier, rows, repeated))
    return [one for one in found if one.repeated]


def with_validation(dataset: Dataset) -> Dataset:
    """For a split that came without validation: each user's newest training interaction becomes it; of a log without
    times whose rows are sorted by item, where the last one only has the largest id, a tenth of each user's at random. A
    user's only interaction stays to learn from.
    """
    assert dataset.parts is not None
    rows = dataset.sequences.packed()
    users, places = rows.flat_rows(), np.flatnonzero(dataset.parts == TRAIN_PART)
    lengths = np.bincount(users[places], minlength=len(rows))
    parts = dataset.parts.copy()
    if rows.timestamps is None and _is_by_items(dataset, users[places], rows.items[places]):
        parts = with_tenth_drawn(users, parts)
        which = "rows are sorted by item, not by time, so a tenth of each user's training interactions is drawn"
    else:
        is_newest = _place_in_row(lengths) == lengths[users[places]] - 1  # rows are oldest first
        parts[places[is_newest & (lengths[users[places]] >= 2)]] = VALID_PART
        which = "each user's newest training interaction is held out"
    note = f"there is no validation file: {which} as validation"
    return replace(dataset, parts=parts, notes=(*dataset.notes, note))


def with_tenth_drawn(users: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """`parts` (N,) of the interactions of `users` (N,), of which a tenth of each user's training is validation now: at
    least one, and none of a user's only one; the same in every run.
    """
    places, parts = np.flatnonzero(parts == TRAIN_PART), parts.copy()
    lengths = np.bincount(users[places])
    wanted = np.where(lengths >= 2, np.maximum(1, lengths // 10), 0)
    drawn = np.lexsort((np.random.default_rng(0).random(len(places)), users[places]))
    parts[places[drawn[_place_in_row(lengths) < wanted[users[places]]]]] = VALID_PART
    return parts


def _place_in_row(lengths: np.ndarray) -> np.ndarray:
    """(N,) 0, 1, .. in each of the rows."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _is_by_items(dataset: Dataset, users: np.ndarray, items: np.ndarray) -> bool:
    is_step = (users[1:] == users[:-1]) & (items[1:] != items[:-1]) & ~is_first(items)[1:]
    return is_by_items(*rising_share(items.astype(np.int64) - 1, dataset.items.column, is_step))


def _in_unit(frame: pl.LazyFrame, unit: TimeUnit, wanted: TimeUnit) -> pl.LazyFrame:
    if unit == wanted or "timestamp" not in frame.collect_schema():
        return frame
    return frame.with_columns(pl.col("timestamp") * (PER_SECOND[wanted] // PER_SECOND[unit]))


def given_files(folder: Path) -> tuple[Path, Path | None, Path] | None:
    """The files of a split in a folder, if it has all three, alike but for the word; or KGAT's two, beside its graph.

    train.txt, valid.txt, test.txt (FreeRec's Processed); X.train.inter, X.valid.inter, X.test.inter (RecBole's
    benchmark files); for valid also val, validation, dev. KGAT's train.txt and test.txt, gzipped or not, go without
    one where kg_final.txt stands there too, and GBSR's where social.txt does.

    Raises:
        InputError: there are several such threes.
    """
    found = []
    for train in sorted(entry for entry in folder.iterdir() if entry.is_file()):
        for valid in VALID if TRAIN.search(train.name) else ():
            three = [train, *(train.with_name(TRAIN.sub(name, train.name, count=1)) for name in (valid, "test"))]
            if all(one.is_file() for one in three):
                found.append((three[0], three[1], three[2]))
    if len(found) > 1:
        raise InputError(
            f"{folder} has the files of more than one split, {found[0][0].name} and {found[1][0].name}; name one's as "
            "the source, data.valid_file and data.test_file"
        )
    return found[0] if found else _without_validation(folder)


def _without_validation(folder: Path) -> tuple[Path, None, Path] | None:
    """KGAT's train.txt and test.txt, if its graph stands beside them; or GBSR's, beside its network."""
    for packed in ("", ".gz"):
        train, test = folder / f"train.txt{packed}", folder / f"test.txt{packed}"
        has_network = (folder / f"social.txt{packed}").is_file()
        if train.is_file() and test.is_file() and (has_network or has_numbered_graph(folder)):
            return train, None, test
    return None
