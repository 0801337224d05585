"""Titles: which column they are, and what of it is kept."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from nextitem.data.side.titles import read_titles, titles_of, write_titles
from nextitem.errors import InputError


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (["year", "title"], "title"), (["subtitle", "title"], "title"), (["movie_title", "year"], "movie_title"),
        (["name", "title"], "title"), (["Name"], "Name"), (["product_name"], "product_name"),
    ],
)  # fmt: skip
def test_the_column_is_found_by_its_name(columns: list[str], chosen: str) -> None:
    found = titles_of(pl.DataFrame({name: [f"{name} 1", f"{name} 2"] for name in columns}))
    assert found is not None
    assert found.to_list() == [f"{chosen} 1", f"{chosen} 2"]


@pytest.mark.parametrize("table", [None, {"genre": ["a"]}, {"brand_name": ["a"]}, {"title": [""]}, {"title": [None]}])
def test_without_such_a_column_there_are_none(table: dict[str, list[str]] | None, tmp_path: Path) -> None:
    frame = None if table is None else pl.DataFrame(table, schema=dict.fromkeys(table, pl.String))
    assert titles_of(frame) is None
    write_titles(tmp_path / "titles.parquet", frame)
    assert list(tmp_path.iterdir()) == []


def test_words_become_a_text_and_numbers_too() -> None:
    words = pl.DataFrame({"title": [["Toy", "Story"], None, []]})
    assert titles_of(words).to_list() == ["Toy Story", None, None]  # type: ignore[union-attr]
    assert titles_of(pl.DataFrame({"title": [1984, None]})).to_list() == ["1984", None]  # type: ignore[union-attr]


def test_what_is_written_is_read_and_other_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "titles.parquet"
    write_titles(path, pl.DataFrame({"title": [" One ", None]}))
    assert read_titles(path, 2).to_list() == ["One", None]
    with pytest.raises(InputError, match="one column title of text with 3 rows, found title: String with 2"):
        read_titles(path, 3)
