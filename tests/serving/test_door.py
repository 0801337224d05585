"""The door: tokens, rates, sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from nextitem.serving.app import application
from nextitem.serving.door import MOST_CLIENTS, Pace
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service

ONE = {"histories": [["i1"]], "k": 1}


def client_of(folder: Path, limits: Limits, token: str | None = None) -> TestClient:
    return TestClient(application(Service(Opening(folder, folder.name), limits), token))


@pytest.fixture
def guarded(counted: Path) -> Iterator[TestClient]:
    with client_of(counted, Limits(), "sesame") as client:
        yield client


@pytest.mark.parametrize("sent", [None, "Bearer ", "Bearer sesam", "Bearer sesames", "sesame", "Basic sesame"])
def test_without_the_token_nothing_of_the_run_is_told(sent: str | None, guarded: TestClient) -> None:
    headers = {} if sent is None else {"Authorization": sent}
    for path in ("/card", "/items", "/metrics", "/similar?item=i1", "/sessions/a/items", "/nowhere"):
        assert guarded.get(path, headers=headers).status_code == 401
    for path in ("/recommend", "/reload"):
        refused = guarded.post(path, json=ONE, headers=headers)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "Authorization: Bearer TOKEN" in refused.json()["error"]


def test_with_the_token_it_answers(guarded: TestClient) -> None:
    headers = {"Authorization": "Bearer sesame"}
    assert guarded.post("/recommend", json=ONE, headers=headers).status_code == 200
    assert guarded.get("/", headers={}).status_code == guarded.get("/healthz").status_code == 200


def test_more_than_the_rate_is_told_when_to_come_again(counted: Path) -> None:
    with client_of(counted, Limits(rate=3)) as client:
        codes = [client.get("/items").status_code for _ in range(12)]
        assert codes[:3] == [200, 200, 200]
        assert 429 in codes
        assert client.get("/healthz").status_code == 200
        refused = next(one for one in (client.get("/items") for _ in range(9)) if one.status_code == 429)
        assert (refused.headers["Retry-After"], "3 requests a second" in refused.text) == ("1", True)


def test_a_pace_fills_as_time_goes_by() -> None:
    now = [0.0]
    pace = Pace(2, lambda: now[0])
    assert [pace.takes("a") for _ in range(3)] == [True, True, False]
    assert pace.takes("b")
    now[0] = 0.5
    assert [pace.takes("a") for _ in range(2)] == [True, False]
    for number in range(MOST_CLIENTS + 5):
        pace.takes(str(number))
    assert len(pace._left) == MOST_CLIENTS


def test_a_slow_rate_still_takes_one() -> None:
    now = [0.0]
    pace = Pace(0.1, lambda: now[0])
    assert [pace.takes("a"), pace.takes("a")] == [True, False]
    now[0] = 10.0
    assert pace.takes("a")


@pytest.mark.parametrize("is_said", [True, False])
def test_a_large_body_is_refused_before_it_is_read(is_said: bool, counted: Path) -> None:
    body = b'{"histories": [["' + b"x" * 2000 + b'"]]}'
    with client_of(counted, replace(Limits(), body=1000)) as client:
        content = body if is_said else iter([body[:600], body[600:]])
        refused = client.post("/recommend", content=content, headers={"Content-Type": "application/json"})
        assert refused.status_code == 413
        assert "1,000 bytes" in refused.json()["error"]
