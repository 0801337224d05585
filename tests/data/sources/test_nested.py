"""Nested JSON: sessions with a list of events, as Otto's are published."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nextitem.data.log.frames import collected, to_polars
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.reading import read, sniff
from nextitem.data.sources.opening import open_data
from nextitem.errors import InputError

SESSIONS: list[dict[str, Any]] = [
    {
        "session": 12899779,
        "events": [
            {"aid": 59625, "ts": 1661724000278, "type": "clicks"},
            {"aid": 7, "ts": 1661724000279, "type": "carts"},
        ],
    },
    {"session": 5, "events": [{"aid": 7, "ts": 1661724000001, "type": "orders"}]},
]


def written(folder: Path, sessions: list[dict[str, Any]], name: str = "test.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in sessions))
    return folder / name


def rows(log: Interactions) -> list[tuple[Any, ...]]:
    names = [name for name in ("user", "item", "timestamp") if name in log.frame.collect_schema()]
    return collected(log.frame.sort("row").select(names)).rows()


def test_an_event_is_an_interaction_of_its_session(tmp_path: Path) -> None:
    path = written(tmp_path, SESSIONS)
    assert sniff(path) == "nested"
    log = read(path)
    assert log.time_unit == "ms"
    assert rows(log) == [
        ("12899779", "59625", 1661724000278), ("12899779", "7", 1661724000279), ("5", "7", 1661724000001)
    ]  # fmt: skip


def test_it_is_known_without_its_ending_and_gzipped(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json.gz"
    path.write_bytes(gzip.compress(written(tmp_path, SESSIONS).read_bytes()))
    assert sniff(path) == "nested"
    assert len(read(path)) == 3


@pytest.mark.parametrize("where", ["type == 'clicks'", "events.type == 'clicks'"])
def test_events_are_chosen_by_their_kind(where: str, tmp_path: Path) -> None:
    log = read(written(tmp_path, SESSIONS), where=where)
    assert [item for _, item, _ in rows(log)] == ["59625"]
    assert log.notes[0].startswith("1 of 3 rows of test.jsonl counts")


@pytest.mark.parametrize("where", ["aid == 7", "aid == '7' and session != '5'", "session >= 5"])
def test_ids_are_asked_for_as_in_a_flat_file(where: str, tmp_path: Path) -> None:
    flat = [{"session": one["session"], **event} for one in SESSIONS for event in one["events"]]
    nested, other = written(tmp_path, SESSIONS), written(tmp_path, flat, "flat.jsonl")
    for user in (None, "session,type"):
        found, wanted = (read(path, where=where, user=user, item="aid") for path in (nested, other))
        assert rows(found) == rows(wanted)


def test_ids_are_categories_that_become_text_when_asked_for(tmp_path: Path) -> None:
    ids = to_polars(read(written(tmp_path, SESSIONS)).frame).select("user", "item")
    assert ids.collect_schema().dtypes() == [pl.String, pl.String]
    assert "cast(String)" in ids.explain()


@pytest.mark.parametrize("item", ["shop.sku", "sku"])
def test_keys_may_have_other_names(item: str, tmp_path: Path) -> None:
    shop = [{"visitor": "v", "shop": [{"sku": "a", "seen": "2024-01-02"}, {"sku": "b", "seen": "2024-01-03"}]}]
    log = read(written(tmp_path, shop), item=item, timestamp="seen")
    assert rows(log) == [("v", "a", 1704153600), ("v", "b", 1704240000)]


def test_events_that_look_like_they_have_times_are_asked_for_them(tmp_path: Path) -> None:
    shop = [{"visitor": "v", "shop": [{"sku": "a", "seen": "2024-01-02"}, {"sku": "b", "seen": "2024-01-03"}]}]
    with pytest.raises(InputError, match=r'"shop\.seen" holds dates; take it with --data\.timestamp'):
        read(written(tmp_path, shop))
    log = read(written(tmp_path, shop), timestamp="none")
    assert rows(log) == [("v", "a"), ("v", "b")]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (1661724000001, 1661724000001),  # whole numbers alone are read as numbers
        ("1661724000001", 1661724000001),
        (1661724000001.5, 1661724000001500),
        (" 1661724000001", 1661724000001),
        ("01661724000001", 1661724000001),
    ],
)
def test_times_are_the_same_however_they_are_written(second: Any, said: int, tmp_path: Path) -> None:
    sessions = [SESSIONS[0], {"session": 5, "events": [{"aid": 7, "ts": second, "type": "orders"}]}]
    found = read(written(tmp_path, [*sessions, {"session": 9, "events": []}]))
    assert rows(found)[-1] == ("5", "7", said)
    assert found.time_source == "milliseconds"
    assert found.notes[0] == "1 line of test.jsonl has no events, and no interaction"


@pytest.mark.parametrize(
    ("second", "what"), [(None, "line 2: "), (True, "line 2: "), (-5, "line 2: "), ("x", "line 2: ")]
)
def test_what_is_no_time_is_named(second: Any, what: str, tmp_path: Path) -> None:
    sessions = [SESSIONS[0], {"session": 5, "events": [{"aid": 7, "ts": second, "type": "orders"}]}]
    with pytest.raises(InputError, match=what):
        read(written(tmp_path, sessions))


def test_a_session_without_events_is_counted(tmp_path: Path) -> None:
    log = read(written(tmp_path, [*SESSIONS, {"session": 9, "events": []}]))
    assert len(log) == 3
    assert log.notes[0] == "1 line of test.jsonl has no events, and no interaction"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"session": 1, "events": 5}', 'line 3: "events" must be a list of objects, found 5'),
        ('{"session": 1}', 'line 3: "events" must be a list of objects, found None'),
        ('{"session": 1, "events": [{"aid": 1', "line 3: a line must be JSON"),
        ('{"session": 1, "events": [{"aid": [1], "ts": 1}]}', 'line 3: "aid" of an event must be text or a number'),
        ("[1]", "line 3: a line must be a JSON object"),
        ('{"session": 1, "events": [{"ts": 1661724000278}]}', "line 3: the item is empty"),
    ],
)
def test_a_bad_line_is_named_and_may_be_left_out(line: str, what: str, tmp_path: Path) -> None:
    path = written(tmp_path, SESSIONS)
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=what):
        read(path)
    log = read(path, bad_lines="skip")
    assert (len(log), len(log.bad_lines[0])) == (3, 1)


def test_the_images_of_a_review_are_no_events(tmp_path: Path) -> None:
    review = {"user_id": "u", "asin": "a", "timestamp": 1661724000278, "images": [{"url": "x", "product": "y"}]}
    assert sniff(written(tmp_path, [review])) == "jsonl"


def test_shards_of_sessions_are_one_log(tmp_path: Path) -> None:
    for number in (1, 2):
        written(tmp_path, SESSIONS, f"part_{number}.jsonl")
    log, said = open_data(str(tmp_path))
    assert isinstance(log, Interactions)
    assert (len(log), "read as nested" in said) == (6, True)
