"""Lists: many values in one field are no item, and are not left out without a word."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.checking import check
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.scanning import scan
from nextitem.errors import InputError

HISTORY = "session_id:token\titem_id_list:token_seq\titem_id:token\ns\ta b\tc\n"
TAGS = "user_id:token\titem_id:token\ttags:token_seq\nu\ta\tx y\n"


def both(path: Path, format: str, **roles: Any) -> tuple[Interactions, Interactions]:
    """Read at once, and scanned."""
    return read(path, format=format, **roles), scan(path, format, Roles(**roles))


@pytest.mark.parametrize("way", [read, lambda path: scan(path, "atomic", Roles())])
def test_a_history_beside_its_target_is_refused(tmp_path: Path, way: object) -> None:
    (tmp_path / "x.inter").write_text(HISTORY)
    with pytest.raises(InputError, match=r'x\.inter: "item_id_list" is a list of items beside .* "item_id"'):
        way(tmp_path / "x.inter")  # type: ignore[operator]


@pytest.mark.parametrize("way", [read, lambda path, item: scan(path, "atomic", Roles(item=item))])
def test_a_list_is_no_item(tmp_path: Path, way: object) -> None:
    (tmp_path / "x.inter").write_text(HISTORY)
    with pytest.raises(InputError, match=r'"item_id_list" holds lists, and the item of a row is one value'):
        way(tmp_path / "x.inter", item="item_id_list")  # type: ignore[operator]


def test_a_list_that_is_not_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text(TAGS)
    said = "the lists of x.inter are not read: tags"
    assert [log.notes[0] for log in both(tmp_path / "x.inter", "atomic")] == [said] * 2
    assert said in check(tmp_path / "x.inter", 0.0).warnings


@pytest.mark.parametrize("way", [read, lambda path: scan(path, "table", Roles())])
def test_lists_of_parquet_are_told_and_refused(tmp_path: Path, way: object) -> None:
    frame = pl.DataFrame({"user": [1, 2], "item": [3, 4], "tags": [["x"], ["y", "z"]]})
    frame.write_parquet(tmp_path / "x.parquet")
    assert way(tmp_path / "x.parquet").notes[0] == "the lists of x.parquet are not read: tags"  # type: ignore[operator]
    frame.rename({"tags": "item_history"}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match='"item_history" is a list of items'):
        way(tmp_path / "x.parquet")  # type: ignore[operator]


def test_a_list_of_a_frame_is_no_item() -> None:
    frame = pl.DataFrame({"session": [1], "item": [[3, 4]]})
    with pytest.raises(InputError, match=r"a row has one item.*found List\(Int64\).*explode"):
        Interactions.from_frame(frame, user="session", timestamp=None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", 'user,item,items\n1,c,"a, b"\n'),
        ("x.tsv", "user\titem_id\titem_id_list\n1\tc\ta b\n"),
        ("x.jsonl", '{"user": 1, "item": "c", "items": ["a", "b"]}\n'),
    ],
)
def test_histories_of_text_are_told_by_name_and_fields(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="is a list of items"):
        read(tmp_path / name)
    if not name.endswith(".jsonl"):
        with pytest.raises(InputError, match="is a list of items"):
            scan(tmp_path / name, "table", Roles())


def test_a_number_of_items_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user,item,items\n1,c,12\n")
    assert len(read(tmp_path / "x.csv")) == 1


@pytest.mark.parametrize("lists", [["[1, 2]", "[3]"], ["1 2 3", "3 4", "7"], ["a", "4|5|6", "7|8"]])
def test_a_session_in_one_field_is_refused_by_line(tmp_path: Path, lists: list[str]) -> None:
    text = "".join(f'{place},"{one}"\n' for place, one in enumerate(lists))
    (tmp_path / "x.csv").write_text("session,item\n" + text + '9,"5 6"\n')
    for way in (read, lambda path: scan(path, "table", Roles())):
        with pytest.raises(InputError, match=r"x\.csv, line [23]: the item of a row is one id, found the list"):
            way(tmp_path / "x.csv")


def test_codes_of_several_numbers_are_ids(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("user,item\n1,978 3 16\n1,978 3 17\n2,12 4 1\n")
    assert read(tmp_path / "x.csv").frame["item"].to_list() == ["978 3 16", "978 3 17", "12 4 1"]
