"""Ratings are kept as 32-bit floats: what is too large for these is refused by its place, and is never infinite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import nextitem as ni
from nextitem.errors import InputError

LARGE = [3.0, 1e300, 4.0, -1e39]
LOG = pl.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 2], "rating": LARGE, "timestamp": [1, 2, 3, 4]})


def written(folder: Path, form: str, log: pl.DataFrame = LOG) -> Path:
    path = folder / f"log.{form}"
    log.write_csv(path) if form == "csv" else log.write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("csv", r"log.csv, line 3: rating must be a number up to 3.4e\+38, found '1e[+]300'"),
        ("parquet", r'log.parquet: column "rating" has 2 values beyond 3.4e\+38, the first in row 1; drop or fill'),
    ],
)
def test_what_would_be_infinite_is_refused(tmp_path: Path, form: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ni.read_dataset(written(tmp_path, form), rating="rating")
    kept = ni.read_dataset(written(tmp_path, form), rating="rating", bad_lines="skip")
    assert kept.sequences.ratings.tolist() == [3, 4]  # type: ignore[union-attr]
    assert "2 ratings that cannot be read" in kept.notes[-1]


def test_where_nothing_asks_for_ratings_they_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    found = ni.read_dataset(written(tmp_path, "csv"))
    assert found.sequences.ratings is None
    assert any("the ratings were left out" in note for note in found.notes)


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
@pytest.mark.parametrize("kind", [pl.Float64, pl.String])
def test_engines_refuse_it_too(tmp_path: Path, engine: Any, kind: Any) -> None:
    pytest.importorskip({"duckdb": "duckdb", "spark": "pyspark"}[engine])
    path = written(tmp_path, "parquet", LOG.with_columns(pl.col("rating").cast(kind)))
    with pytest.raises(InputError, match=r"beyond 3.4e\+38, the first in row 1|row 1: rating must be a number up to"):
        ni.read_dataset(path, rating="rating", engine=engine)


def test_the_largest_is_kept() -> None:
    largest = 3.4028234e38
    found = ni.read_dataset(LOG.with_columns(rating=pl.Series([1.0, largest, -largest, 0.0])), rating="rating")
    assert found.sequences.ratings.tolist() == pytest.approx([1, largest, -largest, 0])  # type: ignore[union-attr]
