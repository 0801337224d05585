"""Given: training, validation and test that are files of their own become one log that remembers the parts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl

from nextitem.data.log.frames import to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, TimeUnit, finest
from nextitem.errors import InputError

NAMES = ("train", "valid", "test")
VALID = ("valid", "val", "validation", "dev")
TRAIN = re.compile(r"(?<![A-Za-z])train(?![A-Za-z])")


def joined(train: Interactions, valid: Interactions, test: Interactions) -> Interactions:
    """One log after the other, with a column `part`: 0 train, 1 valid, 2 test. Ids that are numbers here and text there
    become text.

    Raises:
        InputError: one of them lacks the timestamps, or the ratings, of another.
    """
    unit = finest([log.time_unit for log in (train, valid, test)])
    frames = [_in_unit(to_polars(log.frame).drop("row"), log.time_unit, unit) for log in (train, valid, test)]
    unread = next((log.unread_ratings for log in (train, valid, test) if log.unread_ratings), "")
    if unread:
        frames = [frame.drop("rating", strict=False) for frame in frames]
    schemas = [frame.collect_schema() for frame in frames]
    for name, schema in zip(NAMES, schemas, strict=True):
        if set(schema) != set(schemas[0]):
            raise InputError(
                f"train, valid and test need the same columns; train has {', '.join(sorted(schemas[0]))}, "
                f"{name} has {', '.join(sorted(schema))}"
            )
    texts = [role for role in ("user", "item") if any(schema[role] == pl.String for schema in schemas)]
    alike = [
        frame.select(sorted(schemas[0])).with_columns(pl.col(texts).cast(pl.String), part=pl.lit(part, pl.Int8))
        for part, frame in enumerate(frames)
    ]
    whole = pl.concat(alike, how="vertical_relaxed").with_row_index("row")
    log = Interactions.from_frame(
        whole,
        timestamp="timestamp" if train.has_timestamps else None,
        rating="rating" if train.has_ratings and not unread else None,
        row="row",
        part="part",
        notes=(*train.notes, *valid.notes, *test.notes),
        name="train, valid and test",
        time_unit=unit if train.has_timestamps else None,
    )
    return replace(log, time_source=train.time_source, unread_ratings=unread)


def _in_unit(frame: pl.LazyFrame, unit: TimeUnit, wanted: TimeUnit) -> pl.LazyFrame:
    if unit == wanted or "timestamp" not in frame.collect_schema():
        return frame
    return frame.with_columns(pl.col("timestamp") * (PER_SECOND[wanted] // PER_SECOND[unit]))


def given_files(folder: Path) -> tuple[Path, Path, Path] | None:
    """The files of a split in a folder, if it has all three, alike but for the word.

    train.txt, valid.txt, test.txt (FreeRec's Processed); X.train.inter, X.valid.inter, X.test.inter (RecBole's
    benchmark files); for valid also val, validation, dev.

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
    return found[0] if found else None
