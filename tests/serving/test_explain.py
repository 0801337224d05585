"""/explain: the paths that `nextitem explain` tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import nextitem as ni
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service

LOG = {"ann": "abc", "bob": "bcd", "cat": "cda", "dan": "dab", "eve": "abd"}
GRAPH = ["a,by,x", "b,by,x", "c,by,y", "d,by,x", "d,like,c", "c,by,z", "d,by,z", "b,by,z"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("graph")
    rows = [f"{user},{item},{at}" for user in LOG for at, item in enumerate(LOG[user])]
    (place / "log.csv").write_text("\n".join(["user,item,timestamp", *rows, ""]))
    (place / "graph.csv").write_text("\n".join(["head,relation,tail", *GRAPH, ""]))
    recipe = ni.make_recipe({
        "data": {"source": str(place / "log.csv"), "knowledge": str(place / "graph.csv")},
        "model": {"name": "CKE", "dim": 4},
        "training": {"epochs": 1, "batch_size": 8},
        "evaluation": {"metrics": ["hr@1"], "baselines": []},
    })  # fmt: skip
    ni.run(recipe, place / "run")
    return place / "run"


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(application(Service(Opening(folder, "graph"), Limits()))) as client:
        yield client


def test_the_paths_are_those_of_the_command(client: TestClient, folder: Path) -> None:
    assert client.get("/card").json()["has"]["paths"]
    (wanted,) = ni.explain(folder, "bob", ["d"])
    told = client.get("/explain", params={"user": "bob", "item": "d"}).json()
    (found,) = told["explanations"]
    assert found["texts"] == [str(one) for one in wanted.reasons]
    assert [one["share"] for one in found["reasons"]] == [one.share for one in wanted.reasons]
    assert told["titles"] is None


def test_without_an_item_the_best_are_explained(client: TestClient) -> None:
    assert len(client.get("/explain", params={"user": "ann", "k": 2}).json()["explanations"]) == 2


def test_a_model_of_users_alone_has_no_influences(client: TestClient) -> None:
    assert not client.get("/card").json()["has"]["influences"]
    assert client.post("/explain", json={"history": ["a"], "user": "ann"}).status_code == 422


def test_strangers_are_refused(client: TestClient) -> None:
    assert client.get("/explain", params={"user": "nobody"}).status_code == 422
    assert client.get("/explain", params={"user": "ann", "item": "zz"}).status_code == 422
    asked = {"histories": [["a"]], "users": ["nobody"], "k": 1}
    assert client.post("/recommend", json=asked).status_code == 422


def test_without_the_data_nothing_is_explained(client: TestClient, folder: Path) -> None:
    log = folder.parent / "log.csv"
    log.rename(log.with_suffix(".away"))
    try:
        refused = client.get("/explain", params={"user": "ann"})
    finally:
        log.with_suffix(".away").rename(log)
    assert (refused.status_code, "is not at hand" in refused.json()["error"]) == (409, True)
    assert client.get("/explain", params={"user": "ann"}).status_code == 200
