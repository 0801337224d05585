"""Bad input: each is told the rule by a 4xx, and the service goes on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

JSON = {"Content-Type": "application/json"}
GOOD: dict[str, Any] = {"histories": [["i1", "i2"]], "k": 3}
WRONG: list[Any] = [
    None, True, -1, 0, 1.5, 1e308, float("nan"), float("-inf"), 10**30, "", "x", "\ud800", "\x00", "i1", [], [[]],
    [None], [[None]], [["i1", ["i2"]]], [[1.5]], [[True]], [{"a": 1}], {}, {"i1": 2}, [["\ud800"]], [["i" * 5000]],
    [[10**400]], [["i1"]] * 41, [["i1"] * 61], [[float("nan")]],
]  # fmt: skip
KEYS = (
    "histories",
    "users",
    "k",
    "times",
    "at",
    "ratings",
    "unknown",
    "exclude",
    "only",
    "keep_seen",
    "fallback",
    "ann",
)
FINE: dict[str, tuple[Any, ...]] = {  # what is a question all the same
    "histories": ([], [[]]),
    "users": (None,),
    "times": (None,), "at": (None,), "ratings": (None,), "only": (None,), "ann": (None,),
    "exclude": ([],),
    "keep_seen": (True,),
}  # fmt: skip


def sent(client: TestClient, body: bytes) -> int:
    found = client.post("/recommend", content=body, headers=JSON)
    told = found.json()
    if found.status_code != 200:
        assert list(told) == ["error"]
        assert 10 < len(told["error"]) < 700
    return found.status_code


def test_every_wrong_value_of_every_key_is_refused(client: TestClient) -> None:
    bodies = [
        (key, value)
        for key in KEYS
        for value in WRONG
        if not any(type(value) is type(one) and value == one for one in FINE.get(key, ()))
    ]
    codes = {(key, repr(value)[:60]): sent(client, json.dumps(GOOD | {key: value}).encode()) for key, value in bodies}
    assert len(bodies) > 300
    assert {what: code for what, code in codes.items() if not 400 <= code < 500} == {}
    assert sent(client, json.dumps(GOOD).encode()) == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nil", b"[]", b"\xff\xfe", b'"text"', b"[" * 20_000, b'{"k": ' + b"9" * 10_000 + b"}", b"{}",
        b'{"histories": [["i1"]], "extra": 1}', b"\x00" * 100, b'{"histories"', b'{"histories": [["i1"]]}}',
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(body: bytes, client: TestClient) -> None:
    assert sent(client, body) in (400, 422)


def test_broken_json_of_all_kinds_is_refused(client: TestClient) -> None:
    """A good body with a few of its bytes changed, cut or doubled."""
    draw, whole = np.random.default_rng(0), json.dumps(GOOD).encode()
    for _ in range(150):
        body = bytearray(whole)
        for place in draw.integers(0, len(body), draw.integers(1, 4)):
            body[place] = draw.integers(0, 256)
        cut = bytes(body[: draw.integers(1, len(body) + 1)])
        assert sent(client, cut) in (200, 400, 422)
    assert sent(client, whole) == 200


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/similar", "item"), ("/similar?item=zz", "does not know the item"), ("/similar?item=i1&k=0", "k must be"),
        ("/similar?item=i1&k=21", "k must lie between 1 and 20"), ("/similar?item=i1&by=magic", "by must be"),
        ("/similar?item=i1&k=9999999999999999999999", "k must be"), ("/items?k=-1", "k must be"),
        ("/items?q=" + "x" * 201, "q: "), ("/explain", "user"), ("/sessions/a b/items", "name: "),
        ("/sessions/%ff/items", "name: "), ("/sessions/a/items?k=x", "k must be"), ("/titles", "item"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_told_its_rule(path: str, told: str, client: TestClient) -> None:
    refused = client.get(path)
    assert 400 <= refused.status_code < 500
    assert told in refused.json()["error"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({"histories": [["i1"]], "k": 21}, "k must lie between 1 and 20 here; found 21"),
        ({"histories": [["i1"]] * 41}, "histories may have 40 entries here, found 41; ask in several requests"),
        ({"users": ["u1"] * 41}, "users may have 40 entries here, found 41"),
        ({"histories": [["i1"], ["i1"] * 61]}, "history 1 may have 60 entries here, found 61; leave out the oldest"),
        ({"histories": [["i1"]], "exclude": ["zz"]}, "exclude has 1 item ids that the model does not know: 'zz'"),
        (
            {"histories": [["i1"]], "users": ["u1", "u2"]},
            "users beside histories are one for each, found 2 users and 1",
        ),
        ({"histories": [["i1"], ["zz"]]}, "history 1 has 1 item ids that the model does not know"),
        ({"histories": [["i1"]], "times": [[5]]}, "GRU4Rec does not go by times"),
        ({"histories": [["i1"]], "ann": True}, "has no index of these weights"),
        ({"users": ["nobody"]}, "user 0 is not among the 80 users of the run"),
        ({"histories": [[1.5]]}, "histories.0.0 must be a valid integer or a valid string; found 1.5"),
        ({}, "recommend needs histories"),
    ],
)
def test_the_sentence_names_the_rule(question: dict[str, Any], told: str, client: TestClient) -> None:
    refused = client.post("/recommend", json=question)
    assert refused.status_code == 422
    assert told in refused.json()["error"]


def test_a_wrong_place_or_method_is_told(client: TestClient) -> None:
    assert client.get("/recommend").status_code == 405
    assert client.put("/sessions/a/items").status_code == 405
    assert client.get("/../../etc/passwd").status_code == 404
    assert "lists what there is" in client.get("/docs").json()["error"]
    unsaid = client.post("/recommend", content=json.dumps(GOOD), headers={"Content-Type": "text/plain"})
    assert (unsaid.status_code, "Content-Type: application/json" in unsaid.json()["error"]) == (422, True)
