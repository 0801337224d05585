"""POST /explain: the items of a history that `run.explain` tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from nextitem.runs.asking.recommend import Run, load
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service


def test_what_a_history_brought_is_what_python_says(
    client: TestClient, loaded: Run, histories: list[list[str]]
) -> None:
    history = histories[0]
    wanted = loaded.explain(history, k=2)
    told = client.post("/explain", json={"history": history, "k": 2}).json()
    assert [one["item"] for one in told["explanations"]] == [one.item for one in wanted]
    for found, one in zip(told["explanations"], wanted, strict=True):
        assert [part["item"] for part in found["influences"]] == [part.item for part in one.influences]
        losses = [part["amount"] for part in found["influences"]]
        assert losses == pytest.approx([part.amount for part in one.influences], abs=1e-5)
    assert told["titles"][str(history[-1])].startswith("The ")
    has = client.get("/card").json()["has"]
    assert (has["influences"], has["attention"]) == (True, False)


def test_where_attention_looks_is_what_python_says(attentive: Path, histories: list[list[str]]) -> None:
    asked = {"history": histories[0], "k": 1, "by": "attention"}
    with TestClient(application(Service(Opening(attentive, "attentive"), Limits()))) as client:
        assert client.get("/card").json()["has"]["attention"]
        (found,) = client.post("/explain", json=asked).json()["explanations"]
    (wanted,) = load(attentive).explain(histories[0], k=1, by="attention")
    assert (found["by"], found["elsewhere"]) == ("attention", 0)
    assert [one["item"] for one in found["influences"]] == [one.item for one in wanted.influences]
    shares = [one["amount"] for one in found["influences"]]
    assert shares == pytest.approx([one.amount for one in wanted.influences], abs=1e-5)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"history": []}, "name a history"),
        ({"history": ["nothing"]}, "does not know"),
        ({"history": ["i1"], "items": ["nothing"]}, "nothing"),
        ({"history": ["i1"] * 61}, "leave out the oldest"),
        ({"history": ["i1"], "k": 21}, "k"),
        ({"user": "nobody"}, "nobody"),
        ({"history": ["i1"], "by": "attention"}, "GRU4Rec has no attention whose weights are shares"),
        ({"history": ["i1"], "by": "magic"}, "by must be"),
        ({}, "history"),
    ],
)
def test_a_wrong_question_why_is_told_its_rule(client: TestClient, body: object, words: str) -> None:
    refused = client.post("/explain", json=body)
    assert refused.status_code == 422
    assert words in refused.json()["error"]
