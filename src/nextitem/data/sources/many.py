"""Many: the files of one log, each read or scanned by the rules of any file, become one in a stated order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from nextitem.data.log.concatenated import concatenated
from nextitem.data.log.interactions import Interactions
from nextitem.data.log.where import NothingLeftError
from nextitem.data.sources.file_logs import file_log
from nextitem.data.sources.formats.checking import Understood, understood
from nextitem.data.sources.formats.format import Format, Options, Reading
from nextitem.data.sources.formats.reading import format_of, read_file
from nextitem.data.sources.scanning import Engine, open_engine
from nextitem.errors import InputError

SHOWN = 2  # names of files, before the last
T = TypeVar("T")


def many_logs(files: Sequence[Path], format: str, engine: Engine, options: Options) -> tuple[Interactions, str]:
    """The files as one log, file after file, and how they were read.

    Raises:
        InputError: a file breaks a rule, is of another format than the first, or lacks the times or ratings of another;
            or no row of any counts.
    """
    known, _ = _format_of_all(files, format, options.separator)
    session = open_engine(engine)
    logs, num_left_out = _each(files, lambda path: file_log(path, known, engine, options, session))
    return _one(files, logs, num_left_out), f"read as {known.name}, on {engine}"


def check_many(files: Sequence[Path], now: float, format: str, options: Options) -> Understood:
    """As `formats.checking.check`, of all files together.

    Raises:
        InputError: as `many_logs`.
    """
    known, why = _format_of_all(files, format, options.separator)
    readings, num_left_out = _each(files, lambda path: read_file(path, known, options))
    log = _one(files, {name: one.log for name, one in readings.items()}, num_left_out)
    first: Reading = next(iter(readings.values()))
    oddities = dict.fromkeys(oddity for one in readings.values() for oddity in one.oddities)
    whole = replace(first, log=log, oddities=tuple(oddities))
    return understood(whole, known.name, why, files[0], _called(files), options.roles, now)


def _one(files: Sequence[Path], logs: dict[str, Interactions], num_left_out: int) -> Interactions:
    log = concatenated(logs, _called(files), num_left_out)
    return replace(log, notes=(_order_note(files), *log.notes))


def _each(files: Sequence[Path], read: Callable[[Path], T]) -> tuple[dict[str, T], int]:
    """By the names of the files, which errors and notes have too; and the rows of files of which none counts."""
    found: dict[str, T] = {}
    nothing: list[NothingLeftError] = []
    for path in files:
        try:
            found[str(path)] = read(path)
        except NothingLeftError as error:
            nothing.append(error)
    if not found:
        raise nothing[0]
    return found, sum(error.total for error in nothing)


def _format_of_all(files: Sequence[Path], format: str, separator: str | None) -> tuple[Format, str]:
    first, why = format_of(files[0], format, separator)
    for path in files[1:]:
        other, _ = format_of(path, format, separator)
        if other is not first:
            raise InputError(
                f"files of one log need the same format: {files[0].name} is read as {first.name}, {path.name} as "
                f"{other.name}; name it with --data.format, or name the files with a pattern"
            )
    return first, why


def _called(files: Sequence[Path]) -> str:
    """What all files are called together."""
    names = _names(files)
    return names[0] if len(files) == 1 else f"{names[0]} to {names[-1]}"


def _order_note(files: Sequence[Path]) -> str:
    """What is said of the order."""
    if len(files) == 1:
        return f"one file has such a name: {files[0].name}"
    names = _names(files)
    if len(names) > SHOWN + 1:
        names = [*names[: SHOWN - 1], f"{names[SHOWN - 1]} .. {names[-1]}"]
    return f"{len(files):,} files are one log, in the order of their names: {', '.join(names)}"


def _names(files: Sequence[Path]) -> list[str]:
    """By which the files are told apart, with their folder where several are called the same."""
    names = [path.name for path in files]
    alone = len({*names}) == len(names)
    return names if alone else [f"{path.parent.name}/{path.name}" for path in files]
