"""Histories: what every user of a run's data has met, kept in its folder, so that recommending needs no history.

histories/offsets.npy     (R + 1,) int64: the items of user r + 1 are items[offsets[r] : offsets[r + 1]]
histories/items.npy       (N,) int32, oldest first, of the whole log: training, validation and test
histories/timestamps.npy  (N,) int64, of a model that goes by times
histories/ratings.npy     (N,) float32, of a model that goes by ratings

Whole, since all of it is excluded from what is recommended, however few of the newest items a model looks at: 4 bytes
an interaction and 8 a user. They are memory-mapped, and a folder without them is a run all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os.path import lexists
from pathlib import Path
from typing import Any

from nextitem.data.batches import Wanted
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.runs.folder.kept import refuse_changed
from nextitem.training.shapes import MEND, own
from nextitem.writing import make_folder, sweep

HISTORIES = "histories"
HISTORY_FILES = tuple(f"{HISTORIES}/{name}.npy" for name in ("items", "offsets", "timestamps", "ratings"))


def write_histories(folder: Path, rows: Sequences, wanted: Wanted) -> None:
    """Keep the rows of all users, row r that of user r + 1, with what a model wants beside items."""
    times = rows.timestamps if wanted.times or wanted.asked_at else None
    ratings = rows.ratings if wanted.ratings else None
    make_folder(folder / HISTORIES, inside=folder)
    sweep(folder / HISTORIES)  # what a kill left
    replace(rows, timestamps=times, ratings=ratings, weights=None).save(folder / HISTORIES)


def read_histories(folder: Path, data: Mapping[str, Any], files: Mapping[str, Any] | None, wanted: Wanted) -> Sequences:
    """What `write_histories` wrote, memory-mapped; `data` is what data.json says, `files` what the report of a
    finished run says of its files.

    Raises:
        InputError: there are none, or they are damaged, changed, or of another run.
    """
    place = folder / HISTORIES
    if not lexists(place):
        raise InputError(
            f"{folder} keeps no histories of its users (it was made with --no-histories, exported without --histories, "
            "or by an older version, or is not finished); pass them: --history 50,172 (in Python histories=), or run "
            "it again with --again"
        )
    if place.is_symlink() or not place.is_dir():
        raise InputError(f"{place} is a link or no folder, and a run folder holds files of its own; {MEND}")
    there = [name for name in HISTORY_FILES if lexists(folder / name)]
    for name in there:
        own(folder / name)
    if files is not None:
        kept = {name: said for name, said in files.items() if name in HISTORY_FILES}
        if other := sorted({*there} - {*kept}):
            raise InputError(f"{folder / other[0]} is not of this run, whose report.json does not name it; {MEND}")
        refuse_changed(folder, kept, HISTORY_FILES)
    rows = Sequences.load(place)
    if (len(rows), len(rows.items)) != (data["users"], data["interactions"]):
        found = f"{len(rows):,} users and {len(rows.items):,} interactions"
        raise InputError(
            f"{place} holds {found}, the run was made on {data['users']:,} and {data['interactions']:,}; {MEND}"
        )
    if len(rows.items) and not (rows.items.min() >= 1 and rows.items.max() <= data["items"]):
        raise InputError(f"{place} is damaged: items.npy must hold 1 to {data['items']}; {MEND}")
    lacks_times = (wanted.times or wanted.asked_at) and rows.timestamps is None
    if lacks_times or (wanted.ratings and rows.ratings is None):
        lacking = "timestamps" if lacks_times else "ratings"
        raise InputError(f"{place} has no {lacking}.npy, and the model goes by {lacking}; {MEND}")
    return rows
