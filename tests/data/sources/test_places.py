"""Fields by place: the batched form against the plain one, on any text of lines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.sources.formats.places import Layout, check_fields, read_places
from nextitem.errors import InputError

THREE = Layout("three", ("user", "-", "item"), "\t", "three fields")
FIELD = st.text("aé\"' \u2028\x0b", max_size=3)
LINE = st.lists(FIELD, min_size=2, max_size=4) | st.lists(FIELD, min_size=3, max_size=3) | st.just([""])


def plain(path: Path, layout: Layout) -> pl.DataFrame:
    table = check_fields(path, layout)
    fields = pl.col("fields").list
    return table.select("line", user=fields.get(0), item=fields.get(2))


def outcome(read: Callable[[Path, Layout], pl.DataFrame], path: Path, layout: Layout) -> list[tuple[Any, ...]] | str:
    try:
        return read(path, layout).rows()
    except InputError as error:
        return str(error)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, max_size=5), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_batches_give_what_the_plain_form_gives(lines: list[list[str]], end: str, has_header: bool) -> None:
    layout = Layout("three", THREE.places, "\t", "three fields", header=("user", "note", "item") * has_header)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.txt"
        path.write_bytes("".join("\t".join(line) + end for line in lines).encode())
        assert outcome(read_places, path, layout) == outcome(plain, path, layout)


def test_latin_1_keeps_bytes_apart(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"1\tCaf\xe9\ta\xe9\n2\t-\ta\xe8\n")
    layout = Layout("three", THREE.places, "\t", "three fields", encoding="latin-1")
    assert read_places(tmp_path / "x.txt", layout)["item"].to_list() == ["aé", "aè"]
    with pytest.raises(InputError, match="line 1: text must be UTF-8"):
        read_places(tmp_path / "x.txt", THREE)


@pytest.mark.parametrize(("has_header", "line"), [(False, 1), (True, 3)])
def test_a_header_is_refused_only_where_there_is_none(tmp_path: Path, has_header: bool, line: int) -> None:
    (tmp_path / "x.txt").write_text("\nuser\tnote\titem\n1\t2\t3\n1\t2\n"[not has_header :])
    layout = Layout("three", THREE.places, "\t", "three fields", header=("user", "note", "item") * has_header)
    with pytest.raises(
        InputError, match=rf"line {line + has_header}: three {'needs' if has_header else 'has no header'}"
    ):
        read_places(tmp_path / "x.txt", layout)
