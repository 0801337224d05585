"""Another run is swapped in: nothing that was asked is lost, and what is not whole never answers."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest
from fastapi.testclient import TestClient

from nextitem.runs.asking.recommend import Run, load
from nextitem.serving.app import application
from nextitem.serving.engine import Call
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service

HISTORY = ["i3", "i14"]


@pytest.fixture
def current(folder: Path, tmp_path: Path) -> Path:
    """The place that a service is given: a link, which is led to another run."""
    place = tmp_path / "current"
    place.symlink_to(folder)
    return place


@pytest.fixture
def client(current: Path) -> Iterator[TestClient]:
    with TestClient(application(Service(Opening(current, "current"), Limits()))) as client:
        yield client


def lead(current: Path, folder: Path) -> None:
    current.unlink()
    current.symlink_to(folder)


def items_of(client: TestClient) -> list[str]:
    found = client.post("/recommend", json={"histories": [HISTORY], "k": 5})
    assert found.status_code == 200, found.text
    items: list[str] = found.json()["answers"][0]["items"]
    return items


def test_no_request_is_lost_while_runs_change(client: TestClient, current: Path, folder: Path, counted: Path) -> None:
    wanted = {name: tuple(load(name).recommend([HISTORY], 5)[0].items) for name in (folder, counted)}
    assert len(set(wanted.values())) == 2
    is_over = Event()

    def asking() -> Counter[tuple[str, ...]]:
        found: Counter[tuple[str, ...]] = Counter()
        while not is_over.is_set():
            found[tuple(items_of(client))] += 1
        return found

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(asking) for _ in range(4)]
        for place in (counted, folder, counted):
            lead(current, place)
            assert client.post("/reload").status_code == 200
            assert tuple(items_of(client)) == wanted[place]
        is_over.set()
        found = sum((one.result() for one in clients), Counter[tuple[str, ...]]())
    assert set(found) == {*wanted.values()}


def test_a_run_that_is_not_whole_leaves_the_one_before(
    client: TestClient, current: Path, folder: Path, tmp_path: Path
) -> None:
    before = items_of(client)
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    lead(current, broken)
    refused = client.post("/reload")
    assert refused.status_code == 409
    assert "model.safetensors" in refused.json()["error"]
    assert refused.json()["error"].endswith("the run from before goes on")
    shutil.rmtree(broken)
    assert client.post("/reload").status_code == 409
    assert items_of(client) == before
    assert 'nextitem_reloads_total{outcome="refused"} 2.0' in client.get("/metrics").text


def test_sessions_go_on_in_the_new_run(client: TestClient, current: Path, folder: Path, tmp_path: Path) -> None:
    before = client.post("/sessions/ann/items", json={"items": HISTORY, "k": 5}).json()
    shutil.copytree(folder, tmp_path / "copy")
    lead(current, tmp_path / "copy")
    assert client.post("/reload").status_code == 200
    after = client.get("/sessions/ann/items", params={"k": 5}).json()
    assert (after["items"], after["answer"]) == (before["items"], before["answer"])


def test_one_reload_at_a_time(folder: Path) -> None:
    service = Service(Opening(folder, "one"), Limits())
    with TestClient(application(service)) as client, service._reloading:
        refused = client.post("/reload")
    assert (refused.status_code, "under way already" in refused.json()["error"]) == (409, True)


def test_whatever_fails_leaves_the_one_before_and_is_told_in_a_line(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = items_of(client)

    def full(opening: Opening) -> Run:
        raise MemoryError("no room\nfor another run")

    with monkeypatch.context() as patch:
        patch.setattr(Opening, "load", full)
        refused = client.post("/reload")
    told = "MemoryError: no room for another run; the run from before goes on"
    assert (refused.status_code, refused.json()["error"]) == (409, told)
    assert [one.getMessage() for one in caplog.records] == [told]
    assert 'nextitem_reloads_total{outcome="refused"} 1.0' in client.get("/metrics").text
    assert items_of(client) == before
    assert client.post("/reload").status_code == 200


def test_a_reload_waits_for_nobodys_turn(folder: Path) -> None:
    """It has happened already when the sessions are told, however many questions wait."""
    service, gate = Service(Opening(folder, "one"), Limits(waiting=1)), Event()
    with TestClient(application(service)) as client, ThreadPoolExecutor(3) as pool:
        held = pool.submit(service.engine._put, Call(lambda run: gate.wait(60)))
        held.result()
        sleep(0.2)  # the thread has taken it
        service.engine._put(Call(lambda run: None))  # and this one waits
        assert client.post("/recommend", json={"histories": [HISTORY]}).status_code == 503
        before, reload, end = service.run, pool.submit(client.post, "/reload"), monotonic() + 60
        while service.run is before:
            assert monotonic() < end
            sleep(0.01)
        sleep(0.2)
        gate.set()
        assert reload.result().status_code == 200


def test_an_explanation_is_of_the_run_that_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the data of the run from before was still being read when another took its place."""
    service = Service(Opening(folder, "one"), Limits())
    opened: list[Path] = []

    class Paths:
        def __init__(self, folder: Path) -> None:
            self.folder = folder

        @classmethod
        def open(cls, folder: Path, *beside: object) -> Paths:
            opened.append(folder)
            if len(opened) == 1:
                service.reload()
            return cls(folder)

        def explain(self, *asked: object, **how: object) -> Path:
            return self.folder

    monkeypatch.setattr("nextitem.serving.service.Explainer", Paths)
    monkeypatch.setattr("nextitem.serving.service.has_paths", lambda model: True)
    first = service.run
    service.explain("u1", None, 3, 5)
    assert service.run is not first
    service.explain("u1", None, 3, 5)
    service.explain("u1", None, 3, 5)
    assert len(opened) == 2
    service.stop()


def test_what_waits_beside_the_model_is_limited(folder: Path) -> None:
    service, gate = Service(Opening(folder, "one"), Limits(waiting=2)), Event()
    with TestClient(application(service)) as client, ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            service.aside.submit(gate.wait, 60)
        waiting = [pool.submit(client.get, "/items") for _ in range(2)]
        end = monotonic() + 20
        while service.num_aside < 2:
            assert monotonic() < end
            sleep(0.01)
        refused = client.get("/items")
        gate.set()
        assert (refused.status_code, "wait beside the model" in refused.json()["error"]) == (503, True)
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert client.get("/items").status_code == 200


def test_the_card_is_of_the_run_as_it_was_opened(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "one")
    service = Service(Opening(tmp_path / "one", "one"), Limits())
    with TestClient(application(service)) as client:
        before = client.get("/card").json()
        shutil.rmtree(tmp_path / "one")
        assert client.get("/card").json() == before
