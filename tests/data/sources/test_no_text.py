"""Files without text: only blank lines, a byte order mark or nothing in a gzip; refused, whatever they are named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from nextitem.data.sources.opening import read_dataset
from nextitem.data.sources.side_tables import read_side
from nextitem.errors import InputError

MARK = b"\xef\xbb\xbf"
NO_TEXT = (MARK, b"\n\n", b" \n\t\r\n", MARK + b"\n", "\u00a0\u3000\n".encode(), b"\n" * 70_000, b" " * 70_000)
CONTENTS = (*NO_TEXT, *map(gzip.compress, NO_TEXT), gzip.compress(b""))
LOGS = ("log.csv", "u.data", "ratings.dat", "log.inter", "log.json", "log.jsonl", "sequences.txt", "behaviors.tsv")
SIDES = {
    "movies.dat": "items", "u.item": "items", "attributes.json": "items", "users.csv": "users",
    "graph.csv": "knowledge", "kg.txt": "knowledge", "log.kg": "knowledge", "train2id.txt": "knowledge",
    "log.link": "links", "item_index2entity_id.txt": "links", "trust.txt": "trust", "trust.csv": "trust",
    "log.net": "trust",
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_a_log_without_text_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for content in CONTENTS:
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_dataset(path)


@pytest.mark.parametrize("name", list(SIDES))
def test_a_side_file_without_text_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for content in CONTENTS:
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_side({SIDES[name]: path})


def test_text_far_below_empty_lines_is_told_apart_from_none(tmp_path: Path) -> None:
    path = tmp_path / "trust.txt"
    path.write_bytes(b"\n" * 70_000 + b"1 2\n2 3\n")
    with pytest.raises(InputError, match="first 64 KB have no line with text; drop the empty lines"):
        read_side({"trust": path})
