"""Agreement: a thousand histories get the same from Python, the service, a session, the graph and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.synthetic import markov_chain
from nextitem.models.streaming import Streaming
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service

K, ROWS, ITEMS = 5, 1000, 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("agreement")
    rows = markov_chain(num_users=80, num_items=ITEMS, mean_length=15).sequences.to_lists()
    lines = [f"u{user},i{item},{1000 + at}" for user, row in enumerate(rows) for at, item in enumerate(row)]
    (place / "log.csv").write_text("\n".join(["user,item,timestamp", *lines, ""]))
    return place


@pytest.mark.slow  # thousands of questions, and graphs that are exported
@pytest.mark.parametrize("model", ["GRU4Rec", "SASRec", "Mamba4Rec", "BERT4Rec"])
def test_a_thousand_histories_get_the_same_everywhere(model: str, home: Path) -> None:
    pytest.importorskip("onnxruntime")
    layer = {"data": {"source": str(home / "log.csv")}, "model": {"name": model, "dim": 8, "max_length": 20}}
    if model == "GRU4Rec":
        del layer["model"]["max_length"]  # type: ignore[attr-defined]
    list(run(make_recipe(layer, {"training": {"epochs": 2}, "evaluation": {"baselines": []}}), home / model))
    loaded, draw = ni.load(home / model), np.random.default_rng(0)
    known = loaded.items.column.to_list()
    histories = [[known[one] for one in draw.integers(0, len(known), draw.integers(1, 19))] for _ in range(ROWS)]
    wanted = loaded.recommend(histories, K)
    for way, found in {
        "alone": [loaded.recommend([one], K)[0] for one in histories],
        "service": of_service(home / model, histories),
        "command": of_command(home, model, histories),
        "graph": of_graph(loaded, home / f"{model}.onnx", histories),
        **({"session": of_sessions(loaded, histories)} if isinstance(loaded.model, Streaming) else {}),
    }.items():
        for one, other in zip(wanted, found, strict=True):
            assert list(other.items) == one.items, way
            assert other.scores == pytest.approx(one.scores, abs=1e-5, rel=1e-5), way


def of_sessions(loaded: ni.Run, histories: list[list[str]]) -> list[ni.Recommendation]:
    return [ni.Session(loaded, one).recommend(K) for one in histories]


def of_service(folder: Path, histories: list[list[str]]) -> list[ni.Recommendation]:
    found = []
    with TestClient(application(Service(Opening(folder, folder.name), Limits()))) as client:
        for start in range(0, ROWS, 200):
            asked = {"histories": histories[start : start + 200], "k": K}
            found += client.post("/recommend", json=asked).json()["answers"]
    return [ni.Recommendation(one["items"], one["scores"], []) for one in found]


def of_command(home: Path, model: str, histories: list[list[str]]) -> list[ni.Recommendation]:
    (home / "asked.jsonl").write_text("".join(json.dumps(one) + "\n" for one in histories))
    command = ["recommend", str(home / model), "--histories", str(home / "asked.jsonl"), "-k", str(K), "--json"]
    told = CliRunner().invoke(app, command, catch_exceptions=False).output
    found = [json.loads(line) for line in told.splitlines()]
    rows = found[0] if len(found) == 1 and isinstance(found[0], list) else found
    return [ni.Recommendation(one["items"], one["scores"], []) for one in rows]


def of_graph(loaded: ni.Run, path: Path, histories: list[list[str]]) -> list[ni.Recommendation]:
    """Without what was met, and of equal scores the lower number first, as the run has it."""
    import onnxruntime

    loaded.export(path)
    session, found = onnxruntime.InferenceSession(path), []
    for history in histories:
        numbers = loaded.items.indices(history)
        scores = session.run(["scores"], {"items": numbers[None].astype(np.int64)})[0][0]
        scores[[0, *numbers]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:K]
        found.append(ni.Recommendation(loaded.items.ids(best), scores[best].tolist(), []))
    return found
