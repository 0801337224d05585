"""Another run is swapped in: nothing that was asked is lost, and what is not whole never answers."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient

from nextitem.runs.asking.recommend import load
from nextitem.serving.app import application
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
