"""Concatenated: the logs of several files become one, file after file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import narwhals as nw

from nextitem.data.log.frames import Frame, collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.units import PER_SECOND, TimeUnit, finest
from nextitem.data.log.where import Counted
from nextitem.errors import InputError

COLUMNS = {"timestamp": "times", "rating": "ratings"}


def concatenated(logs: Mapping[str, Interactions], name: str, num_left_out: int = 0) -> Interactions:
    """One log of the logs of several files, of one engine, in this order. Ids that are numbers here and text there
    become text, which is said.

    The names of `logs` are paths; `name` is what all files are called together, `num_left_out` the rows of more files,
    of which none counts.

    Raises:
        InputError: a file lacks the times or the ratings of another.
    """
    logs = _without_unread_ratings(logs)
    schemas = {name: log.frame.collect_schema() for name, log in logs.items()}
    _refuse_differences(schemas)
    first, unit = next(iter(logs.values())), finest([log.time_unit for log in logs.values()])
    mixed = _mixed(schemas)
    frames: list[Frame] = []
    start = 0
    for log in logs.values():
        frame = _alike(log, unit, mixed).with_columns(nw.col("row").cast(nw.Int64) + start)
        start = int(collected(frame.select(nw.col("row").max()))["row"][0]) + 1
        frames.append(frame.select(schemas[next(iter(schemas))].names()))
    if any(isinstance(frame, nw.LazyFrame) for frame in frames):
        frames = [frame.lazy() for frame in frames]
    return replace(
        first,
        frame=nw.concat(frames, how="vertical"),  # type: ignore[type-var]
        time_unit=unit,
        time_source=_time_source(logs),
        notes=(*_said_together(logs, name, num_left_out), *_said_of_ids(schemas)),
        bad_lines=tuple(bad for log in logs.values() for bad in log.bad_lines),
        unread_ratings=next((log.unread_ratings for log in logs.values() if log.unread_ratings), ""),
    )


def _without_unread_ratings(logs: Mapping[str, Interactions]) -> dict[str, Interactions]:
    """All without ratings, where those of one file were left out."""
    if not any(log.unread_ratings for log in logs.values()):
        return dict(logs)
    return {
        name: replace(log, frame=log.frame.drop("rating")) if log.has_ratings else log for name, log in logs.items()
    }


def _refuse_differences(schemas: Mapping[str, nw.Schema]) -> None:
    for column, word in COLUMNS.items():
        have = [name for name, schema in schemas.items() if column in schema]
        lack = [name for name, schema in schemas.items() if column not in schema]
        if have and lack:
            raise InputError(
                f"files of one log need the same columns: {have[0]} has {word}, {lack[0]} has none; name the column "
                f"with --data.{column}, or say --data.{column} none"
            )


def _mixed(schemas: Mapping[str, nw.Schema]) -> dict[str, type[nw.String] | type[nw.Float64]]:
    """The type that a column gets which files have in several."""
    mixed: dict[str, type[nw.String] | type[nw.Float64]] = {}
    for column in next(iter(schemas.values())).names():
        if len({str(schema[column]) for schema in schemas.values()}) > 1 and column != "row":
            mixed[column] = nw.String if column in ("user", "item") else nw.Float64
    return mixed


def _alike(log: Interactions, unit: TimeUnit, mixed: Mapping[str, type[nw.String] | type[nw.Float64]]) -> Frame:
    columns = [nw.col(column).cast(dtype) for column, dtype in mixed.items()]
    if log.time_unit != unit and log.has_timestamps:
        columns.append(nw.col("timestamp") * (PER_SECOND[unit] // PER_SECOND[log.time_unit]))
    return log.frame.with_columns(*columns) if columns else log.frame


def _time_source(logs: Mapping[str, Interactions]) -> str:
    return " and ".join(dict.fromkeys(log.time_source for log in logs.values()))


def _said_of_ids(schemas: Mapping[str, nw.Schema]) -> list[str]:
    said = []
    for role in ("user", "item"):
        texts = [name for name, schema in schemas.items() if schema[role] == nw.String]
        numbers = [name for name, schema in schemas.items() if schema[role] != nw.String]
        if texts and numbers:
            said.append(
                f"the {role} ids of {texts[0]} are text, those of {numbers[0]} numbers; all are read as text, "
                "so that 7 and 007 are two"
            )
    return said


def _said_together(logs: Mapping[str, Interactions], all_files: str, num_left_out: int) -> list[str]:
    """What is to be said of all files alike once, of some by name; rows that count are counted together."""
    said: list[str] = []
    files: dict[str, list[str]] = {}
    for name, log in logs.items():
        for note in log.notes:
            if not isinstance(note, Counted):
                files.setdefault(note.replace(Path(name).name, all_files), []).append(note)
    counted = [note for log in logs.values() for note in log.notes if isinstance(note, Counted)]
    if counted:
        said.append(counted[0].and_of(counted[1:], num_left_out, all_files))
    for note, of_files in files.items():
        said += [note] if len(of_files) == len(logs) else of_files
    return said
