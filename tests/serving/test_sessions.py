"""Sessions: what they answer, how many there are, and when they are forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from nextitem.data.ids import IdMap
from nextitem.errors import InputError
from nextitem.runs.asking.live import Session
from nextitem.runs.asking.recommend import Run, load
from nextitem.serving.limits import Limits
from nextitem.serving.sessions import FullError, Sessions

HISTORY = ["i3", "i14", "i15", "i92", "i65"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(Limits(sessions=2, expiry=60), clock)


def test_each_item_leads_to_what_the_whole_history_gives(client: TestClient, loaded: Run) -> None:
    for length, item in enumerate(HISTORY, start=1):
        found = client.post("/sessions/ann/items", json={"items": [item], "k": 5}).json()
        (wanted,) = loaded.recommend([HISTORY[:length]], 5)
        assert found["answer"]["items"] == wanted.items
        assert found["answer"]["scores"] == pytest.approx(wanted.scores, abs=1e-5)
        assert found["is_new"] == (length == 1)
    looked = client.get("/sessions/ann/items", params={"k": 5}).json()
    assert (looked["items"], looked["answer"]) == (HISTORY, found["answer"])


def test_a_session_that_ended_is_gone(client: TestClient) -> None:
    client.post("/sessions/ann/items", json={"items": ["i3"]})
    assert client.delete("/sessions/ann/items").status_code == 200
    assert client.get("/sessions/ann/items").status_code == 404
    assert client.delete("/sessions/ann/items").status_code == 404


def test_what_is_refused_leaves_the_session_as_it_is(client: TestClient) -> None:
    before = client.post("/sessions/ann/items", json={"items": ["i3"]}).json()
    for wrong in ({"items": ["i4", "zz"]}, {"items": ["i4"], "k": 0}, {"items": ["i4"] * 61}, {"items": "i4"}):
        assert client.post("/sessions/ann/items", json=wrong).status_code == 422
    assert client.get("/sessions/ann/items").json()["items"] == before["items"]


def test_seen_items_may_come_back(sessions: Sessions, loaded: Run) -> None:
    stand = sessions.add(loaded, "a", ["i3", "i4"], 100, exclude_seen=False)
    assert {"i3", "i4"} <= set(map(str, stand.answer.items))
    with pytest.raises(InputError, match=r"between 1 and 98 \(the items left\); found 100"):
        sessions.look(loaded, "a", 100, exclude_seen=True)


def test_there_are_no_more_than_may_be_and_old_ones_make_room(sessions: Sessions, clock: Clock, loaded: Run) -> None:
    sessions.add(loaded, "a", ["i1"], 1, exclude_seen=True)
    clock.now = 30
    sessions.add(loaded, "b", ["i1"], 1, exclude_seen=True)
    with pytest.raises(FullError, match="2 sessions are open"):
        sessions.add(loaded, "c", ["i1"], 1, exclude_seen=True)
    clock.now = 61  # a was asked at 0, b at 30
    assert sessions.add(loaded, "c", ["i1"], 1, exclude_seen=True).is_new
    assert sessions.look(loaded, "a", 1, exclude_seen=True) is None
    assert len(sessions) == 2


def test_a_session_that_is_asked_lives_on(sessions: Sessions, clock: Clock, loaded: Run) -> None:
    sessions.add(loaded, "a", ["i1"], 1, exclude_seen=True)
    for clock.now in (50, 100, 150):
        assert sessions.look(loaded, "a", 1, exclude_seen=True) is not None


def test_too_many_sessions_are_told_to_the_client(client: TestClient) -> None:
    codes = [client.post(f"/sessions/s{number}/items", json={"items": ["i1"]}).status_code for number in range(4)]
    assert codes == [200, 200, 200, 429]


def test_another_run_reads_a_session_anew(sessions: Sessions, loaded: Run, folder: Path) -> None:
    before = sessions.add(loaded, "a", HISTORY, 5, exclude_seen=True)
    other = load(folder)
    after = sessions.look(other, "a", 5, exclude_seen=True)
    assert after is not None
    assert (after.items, after.answer) == (before.items, before.answer)
    sessions.hand_over()
    assert sessions.look(other, "a", 5, exclude_seen=True) == after


def test_one_that_is_forgotten_is_not_there_to_be_ended(sessions: Sessions, clock: Clock, loaded: Run) -> None:
    sessions.add(loaded, "a", ["i1"], 1, exclude_seen=True)
    clock.now = 61
    assert not sessions.end("a")
    sessions.add(loaded, "a", ["i1"], 1, exclude_seen=True)
    clock.now = 200
    sessions.forget_old()
    assert len(sessions) == 0


def test_a_fault_in_the_middle_leaves_the_session_as_it_was(
    sessions: Sessions, loaded: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sessions.add(loaded, "a", ["i1"], 5, exclude_seen=True)
    read = Session.add

    def full(session: Session, item: object) -> None:
        if item == "i3":
            raise MemoryError
        read(session, item)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "add", full)
        with pytest.raises(MemoryError):
            sessions.add(loaded, "a", ["i2", "i3"], 5, exclude_seen=True)
    after = sessions.look(loaded, "a", 5, exclude_seen=True)
    assert after is not None
    assert (after.items, after.answer) == (before.items, before.answer)


def test_what_another_run_does_not_know_takes_none_of_its_items(
    sessions: Sessions, loaded: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions.add(loaded, "a", ["i1", "i2", "i3"], 1, exclude_seen=True)
    fewer, known = load(folder), IdMap.of([f"i{number}" for number in range(1, 101) if number not in (1, 2)])
    monkeypatch.setattr(fewer.model, "num_items", 98)
    other = replace(fewer, items=known)
    stand = sessions.add(other, "a", ["i4"], 96, exclude_seen=True)  # all but i3 and i4
    assert (stand.items, len(stand.answer.items)) == (["i3", "i4"], 96)
