"""Models of other kinds: those that know users, and those that go by times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from nextitem.recipe import make_recipe
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.learning.run import run
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service


def served(folder: Path, place: Path, model: dict[str, Any]) -> tuple[TestClient, Run]:
    layer = {
        "data": {"source": str(folder.parent / "log.csv")}, "model": model,
        "training": {"epochs": 1, "batch_size": 256}, "evaluation": {"baselines": []},
    }  # fmt: skip
    list(run(make_recipe(layer), place))
    return TestClient(application(Service(Opening(place, "other"), Limits()))), load(place)


def test_a_model_of_users(folder: Path, tmp_path: Path) -> None:
    client, loaded = served(folder, tmp_path, {"name": "BPR", "dim": 4})
    with client:
        told = client.post("/recommend", json={"users": ["u1", "u2"], "k": 3}).json()["answers"]
        assert [one["items"] for one in told] == [one.items for one in loaded.recommend(users=["u1", "u2"], k=3)]
        asked = {"histories": [["i1"]], "users": ["u5"], "k": 3}
        (wanted,) = loaded.recommend([["i1"]], 3, users=["u5"])
        assert client.post("/recommend", json=asked).json()["answers"][0]["items"] == wanted.items
        refused = client.post("/recommend", json={"histories": [["i1"]]})
        assert (refused.status_code, "pass users=" in refused.json()["error"]) == (422, True)


def test_a_model_that_goes_by_times(folder: Path, tmp_path: Path) -> None:
    client, loaded = served(folder, tmp_path, {"name": "TiSASRec", "dim": 8})
    with client:
        asked: dict[str, Any] = {"histories": [["i1", "i2"], ["i3"]], "times": [[1000, 1005], [1001]], "k": 3}
        found = client.post("/recommend", json=asked).json()["answers"]
        wanted = loaded.recommend(asked["histories"], 3, times=asked["times"])
        for one, other in zip(found, wanted, strict=True):
            assert one["items"] == other.items
            assert one["scores"] == pytest.approx(other.scores, abs=1e-5)
        for times in (None, [[1000]], [[1000, 1005], ["soon"]], [[10**30, 1], [1]]):
            refused = client.post("/recommend", json=asked | {"times": times})
            assert (refused.status_code, "times" in refused.json()["error"]) == (422, True)
