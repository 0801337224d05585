"""Shards: a log in many files, by a pattern or as a folder of files that are called alike, in the order of their names.

Names are ordered as people count: week_2 stands before week_10.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from glob import escape, glob
from pathlib import Path

from nextitem.errors import InputError

PATTERN = re.compile(r"[*?[]")
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # Spark names the files of one table so
NUMBER = re.compile(rf"{UUID}|\d+")


def shards(source: str) -> tuple[Path, ...] | None:
    """The files that a pattern (`logs/week_*.parquet`, `**` for folders within folders) stands for; None: it is none.

    What stands there by that very name is no pattern.

    Raises:
        InputError: no file has such a name.
    """
    path = Path(os.path.expanduser(source))
    if not PATTERN.search(source) or path.exists():
        return None
    there, *rest = _as_pattern(path)
    found = [Path(one) for one in glob(str(Path(there, *rest)), recursive=True)]
    if files := naturally(one for one in found if one.is_file()):
        return tuple(files)
    folders = f"; {len(found)} folders have" if found else ""
    raise InputError(
        f"no file is called {source}{folders}; * stands for any part of a name, ? for one letter, ** for folders"
    )


def folder_name(source: str) -> str:
    """The last part of a source's name, as part of the name of a folder: without what a pattern is told by.

    >>> folder_name("logs/week_*.parquet"), folder_name("data/log.csv")
    ('week_all.parquet', 'log.csv')
    """
    return re.sub(r"[*?]+", "all", Path(source).name)


def is_there(path: Path) -> bool:
    """Whether a path, or what a pattern stands for, is there."""
    return path.exists() or bool(PATTERN.search(str(path)) and glob(str(Path(*_as_pattern(path))), recursive=True))


def naturally(files: Iterable[Path]) -> list[Path]:
    """By name, numbers within by size.

    >>> [path.name for path in naturally([Path("week_10.csv"), Path("week_2.csv"), Path("week_02.csv")])]
    ['week_02.csv', 'week_2.csv', 'week_10.csv']
    """
    return sorted(files, key=lambda path: ([_parts(part) for part in path.parts], str(path)))


def are_alike(names: Iterable[str]) -> bool:
    """Whether names differ by their numbers alone.

    >>> are_alike(["week_1.csv", "week_10.csv"]), are_alike(["train.csv", "test.csv"])
    (True, False)
    """
    return len({NUMBER.sub("#", name) for name in names}) == 1


def _as_pattern(path: Path) -> list[str]:
    """The folders that stand there by their very names, run[12] too, as one part; then what is left."""
    folders = [folder for folder in reversed(path.parents) if folder.is_dir()]
    there = folders[-1] if folders else Path()
    return [escape(str(there)), *path.parts[len(there.parts) :]]


def _parts(name: str) -> list[tuple[int, str]]:
    """Numbers and texts, so that each is compared with its like."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]
