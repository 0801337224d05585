"""POST /explain: the items of a history that `run.explain` tells."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from nextitem.runs.asking.recommend import Run


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
    assert client.get("/card").json()["has"]["influences"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"history": []}, "name a history"),
        ({"history": ["nothing"]}, "does not know"),
        ({"history": ["i1"], "items": ["nothing"]}, "nothing"),
        ({"history": ["i1"] * 61}, "leave out the oldest"),
        ({"history": ["i1"], "k": 21}, "k"),
        ({"user": "nobody"}, "nobody"),
        ({}, "history"),
    ],
)
def test_a_wrong_question_why_is_told_its_rule(client: TestClient, body: object, words: str) -> None:
    refused = client.post("/explain", json=body)
    assert refused.status_code == 422
    assert words in refused.json()["error"]
