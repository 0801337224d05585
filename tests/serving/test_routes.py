"""What a service answers is what the run answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from nextitem.runs.asking.recommend import Run, load
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service


def answers(client: TestClient, **question: Any) -> list[dict[str, Any]]:
    found = client.post("/recommend", json=question)
    assert found.status_code == 200, found.text
    told: list[dict[str, Any]] = found.json()["answers"]
    return told


def test_200_histories_asked_at_once_get_what_the_run_recommends(
    client: TestClient, loaded: Run, histories: list[list[str]]
) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda one: answers(client, histories=[one], k=5)[0], histories))
    for one, wanted in zip(found, loaded.recommend(histories, 5), strict=True):
        assert one["items"] == wanted.items
        assert one["scores"] == pytest.approx(wanted.scores, abs=1e-5)


def test_many_rows_are_one_request(client: TestClient, loaded: Run, histories: list[list[str]]) -> None:
    found = answers(client, histories=histories[:40], k=3)
    assert [one["items"] for one in found] == [one.items for one in loaded.recommend(histories[:40], 3)]


def test_users_are_answered_by_what_the_run_keeps(client: TestClient, loaded: Run) -> None:
    (found,) = answers(client, users=["u3"], k=4)
    assert found["items"] == loaded.recommend(users=["u3"], k=4)[0].items


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ({"exclude": ["i1", "i2"]}, {"exclude": ["i1", "i2"]}),
        ({"only": ["i7", "i8", "i9", "i10"]}, {"only": ["i7", "i8", "i9", "i10"]}),
        ({"keep_seen": True}, {"exclude_seen": False}),
        ({"unknown": "skip", "fallback": "popularity"}, {"unknown": "skip", "fallback": "popularity"}),
    ],
)
def test_rules_are_those_of_the_run(
    asked: dict[str, Any], same: dict[str, Any], client: TestClient, loaded: Run
) -> None:
    rows = [["i3", "i14"], ["zz"]] if "unknown" in asked else [["i3", "i14"]]
    for found, wanted in zip(
        answers(client, histories=rows, k=3, **asked), loaded.recommend(rows, 3, **same), strict=True
    ):
        assert (found["items"], found["problem"], found["source"]) == (wanted.items, wanted.problem, wanted.source)
        assert found["skipped"] == wanted.skipped


def test_titles_come_where_they_are_asked_for(client: TestClient) -> None:
    (found,) = answers(client, histories=[["i3"]], k=2, titles=True)
    assert all(title.endswith(f"House {item[1:]}") for title, item in zip(found["titles"], found["items"], strict=True))
    assert answers(client, histories=[["i3"]], k=2)[0]["titles"] is None


def test_similar_items_are_those_of_the_run(client: TestClient, loaded: Run) -> None:
    for by in ("vectors", "counts"):
        found = client.get("/similar", params={"item": "i5", "k": 3, "by": by}).json()
        assert found["items"] == loaded.similar("i5", 3, by).items
        assert len(found["titles"]) == len(found["items"])


def test_items_are_found_by_title_and_id(client: TestClient) -> None:
    def found(text: str, k: int = 20) -> list[str]:
        items: list[str] = client.get("/items", params={"q": text, "k": k}).json()["items"]
        return items

    assert found("i7")[0] == "i7"
    assert set(found("i7")) == {"i7", *(f"i7{digit}" for digit in range(10))}
    assert found("quiet house 22") == ["i22"]
    assert found("[no] such * item") == []
    assert len(found("", 4)) == 4


def test_without_a_text_the_most_popular_items_come_first(client: TestClient, loaded: Run) -> None:
    best = client.get("/items", params={"k": 1}).json()["items"][0]
    assert loaded.popularity[loaded.items.indices([best])[0]] == loaded.popularity.max()


def test_the_card_has_the_figures_under_their_protocol(client: TestClient, loaded: Run) -> None:
    card = client.get("/card").json()
    assert card["figures"]["test"] == loaded.report["test"]
    assert card["figures"]["protocol"] == loaded.report["protocol"]
    assert card["has"] == {
        "titles": True, "histories": True, "vectors": True, "sessions": True, "paths": False, "influences": True,
        "attention": False, "index": False,
    }  # fmt: skip


def test_what_a_run_cannot_do_is_a_conflict_that_says_who_can(client: TestClient, counted: Path) -> None:
    refused = client.get("/explain", params={"user": "u1"})
    assert (refused.status_code, "such as CKE" in refused.json()["error"]) == (409, True)
    with TestClient(application(Service(Opening(counted, "counts"), Limits()))) as other:
        refused = other.post("/sessions/a/items", json={"items": ["i1"]})
        assert refused.status_code == 409
        assert "GRU4Rec" in refused.json()["error"]


def test_titles_of_a_run_without_them_are_null(counted: Path) -> None:
    assert load(counted).titles is None
    with TestClient(application(Service(Opening(counted, "counts"), Limits()))) as other:
        assert answers(other, histories=[["i1"]], titles=True, k=1)[0]["titles"] is None
        assert other.get("/items", params={"q": "i22"}).json() == {"items": ["i22"], "titles": None}


def test_health_readiness_and_metrics(client: TestClient, service: Service) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").status_code == 200
    answers(client, histories=[["i1"]], k=1)
    client.get("/nowhere/at/all")
    told = client.get("/metrics").text
    assert 'nextitem_requests_total{endpoint="/recommend",status="200"} 1.0' in told
    assert 'nextitem_requests_total{endpoint="other",status="404"} 1.0' in told
    assert "nextitem_batch_rows_count 1.0" in told
    service.is_ready = False
    assert client.get("/readyz").status_code == 503


def test_the_description_names_every_place(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    wanted = {"/recommend", "/similar", "/explain", "/sessions/{name}/items", "/items", "/reload", "/metrics"}
    assert wanted <= set(paths)
    assert "k" in str(paths["/similar"])
