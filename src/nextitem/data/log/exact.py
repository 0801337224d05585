"""Exact paths: a table is read from the very path that is named; no reader takes a part of it for a pattern.

Polars, DuckDB and Spark expand `*`, `?` and `[..]` in a path, so that a folder called run[12] stands for its neighbour
run1; polars takes a leading ~ for the home folder too. Whoever reads a table reads it through here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from nextitem.data.log.apart import read_apart
from nextitem.errors import InputError
from nextitem.forking import is_kept_forkable


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The file's `columns`, or all of them.

    Raises:
        InputError: `path` is a folder.
    """
    found, file = None if columns is None else list(columns), _file(path)

    def read() -> pl.DataFrame:
        return pl.read_parquet(file, columns=found, glob=False, hive_partitioning=False)

    return read_apart(read) if is_kept_forkable() else read()


def scan_parquet(path: Path) -> pl.LazyFrame:
    """The file, not read yet.

    Raises:
        InputError: `path` is a folder.
    """
    return pl.scan_parquet(_file(path), glob=False, hive_partitioning=False)


def scan_arrow(dataset: Any) -> pl.LazyFrame:
    """A data set of pyarrow, which has listed its files itself, not read yet."""
    return pl.scan_pyarrow_dataset(dataset)


def parquet_names(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        InputError: `path` is a folder.
    """
    return scan_parquet(path).collect_schema().names()


def read_csv(path: Path, **options: Any) -> pl.DataFrame:
    """`options` are those of polars' read_csv.

    Raises:
        InputError: `path` is a folder.
    """
    return pl.read_csv(_file(path), glob=False, **options)


def scan_csv(source: Path | bytes, **options: Any) -> pl.LazyFrame:
    """A file, or its bytes, not read yet; `options` are those of polars' scan_csv.

    Raises:
        InputError: `source` is a folder.
    """
    return pl.scan_csv(_file(source) if isinstance(source, Path) else source, glob=False, **options)


def duckdb_path(path: Path) -> str:
    r"""What DuckDB opens that one file by: each character that it would expand stands in brackets.

    >>> duckdb_path(Path("/logs/run[12]/a*.csv"))
    '/logs/run[[]12]/a[*].csv'

    Raises:
        InputError: beside such a character the path has a backslash, for which DuckDB's patterns have no word.
    """
    text = str(path.absolute())
    if not re.search(r"[*?[]", text):
        return text
    if "\\" in text:
        raise InputError(rf"duckdb cannot open {path}, which has a \ and one of * ? [ in it; rename it, or take polars")
    return re.sub(r"[*?[]", r"[\g<0>]", text)


def spark_path(path: Path) -> str:
    r"""What Spark opens that one file by: each character that it would expand stands behind a backslash.

    >>> spark_path(Path("/logs/run[12]/a*.csv"))
    '/logs/run\\[12\\]/a\\*.csv'

    Raises:
        InputError: Spark holds the file for hidden, or for one of another file system.
    """
    if path.name.startswith(("_", ".")) or ":" in str(path.absolute()):
        raise InputError(
            f"spark cannot open {path}: a file whose name begins with _ or . is hidden to it, and : stands after the "
            "name of a file system; rename it, or take polars"
        )
    return re.sub(r"[\\*?{}\[\]]", r"\\\g<0>", str(path.absolute()))


def _file(path: Path) -> Path:
    """Absolute, so that no first part of it is a home folder (~) or a scheme (file:)."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, where a file is wanted")
    return path.absolute()
