"""Every place of openapi.json, asked by what its schema allows and by what it forbids: nothing is a fault of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from nextitem.runs.asking.recommend import Run
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service

ITEMS = st.sampled_from([f"i{item}" for item in range(1, 101)])  # as the model knows them; and as users are called
USERS = st.sampled_from([f"u{user}" for user in range(1, 81)])
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def described(loaded: Run) -> Any:
    """A service whose limits on sessions and rate are not in the way, its client and its openapi.json."""
    opening = Opening(loaded.folder, loaded.folder.name)
    limits = Limits(body=50_000, history=60, rows=40, k=20, sessions=100_000)
    with TestClient(application(Service(opening, limits)), raise_server_exceptions=False) as client:
        yield client, client.get("/openapi.json").json()


def of_schema(schema: dict[str, Any], whole: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows, half of the texts among them ids that the model knows."""
    if "$ref" in schema:
        return of_schema(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in schema:
        return st.one_of(*(of_schema(one, whole) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    match schema.get("type"):
        case "object":
            named = {name: of_schema(one, whole) for name, one in schema.get("properties", {}).items()}
            required = set(schema.get("required", ()))
            free = st.lists(st.sampled_from(sorted(named.keys() - required)), max_size=2, unique=True)
            return free.flatmap(
                lambda some: st.fixed_dictionaries({name: named[name] for name in [*sorted(required), *some]})
            )
        case "array":
            return st.lists(of_schema(schema.get("items", {}), whole), max_size=5)
        case "integer":
            low, high = schema.get("minimum", -(2**70)), schema.get("maximum", 2**70)
            return st.integers(max(low, 1), min(high, 20)) | st.integers(low, high)
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            if "pattern" in schema:
                return st.from_regex(schema["pattern"], fullmatch=True)
            return ITEMS | USERS | st.text(max_size=min(schema.get("maxLength", 40), 40))
    return JUNK


def asked(client: TestClient, whole: dict[str, Any], path: str, method: str, data: st.DataObject, wild: bool) -> int:
    """One request of an operation; a `wild` one has values that its schema forbids."""
    operation = whole["paths"][path][method]
    query = []
    for one in operation.get("parameters", ()):
        value = data.draw(JUNK if wild and one["in"] == "query" else of_schema(one["schema"], whole))
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(str(value), safe="", errors="replace"))
        elif one["required"] or data.draw(st.booleans()):
            query += [(one["name"], each) for each in (value if isinstance(value, list) else [value])]
    text = "&".join(f"{quote(name)}={quote(str(value), errors='replace')}" for name, value in query)
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = json.dumps(data.draw(JUNK if wild else of_schema(schema, whole))).encode()
    found = client.request(method, f"{path}?{text}", content=body, headers={"Content-Type": "application/json"})
    if found.status_code >= 400:
        assert list(found.json()) == ["error"]
    declared = {int(code) for code in operation["responses"]}
    assert found.status_code in declared, (path, text, body, found.text)
    return found.status_code


@pytest.mark.parametrize("wild", [False, True], ids=["allowed", "forbidden"])
def test_no_request_is_a_fault_of_ours(described: Any, wild: bool) -> None:  # a few hundred requests: seconds
    client, whole = described
    operations = [(path, method) for path, methods in whole["paths"].items() for method in methods]
    operations.remove(("/reload", "post"))  # opens the run anew at each, whatever is sent
    codes: dict[tuple[str, str], set[int]] = {one: set() for one in operations}

    @seed(0)
    @settings(max_examples=9, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        for operation in operations:
            codes[operation].add(asked(client, whole, *operation, data, wild))

    ask()
    assert not [one for one, found in codes.items() if {code for code in found if code >= 500}]
    assert {200, 404, 409, 422} <= set().union(*codes.values())
    assert client.post("/recommend", json={"histories": [["i1"]], "k": 3}).status_code == 200


def test_a_thousand_malformed_bodies_are_refused_each(described: Any) -> None:
    """A good body that is cut, or has a wrong kind of value, a key too many, or a byte that is no JSON."""
    client, _ = described
    draw, good = np.random.default_rng(0), {"histories": [["i1", "i2"]], "k": 3, "unknown": "skip"}
    whole, codes = json.dumps(good).encode(), []
    for number in range(1000):
        match number % 4:
            case 0:
                body = whole[: draw.integers(0, len(whole))]
            case 1:
                key = ("histories", "k", "unknown")[draw.integers(3)]
                body = json.dumps(good | {key: {"a": int(draw.integers(100))}}).encode()
            case 2:
                body = json.dumps(good | {f"key{draw.integers(10**6)}": 1}).encode()
            case _:
                place = draw.integers(0, len(whole))
                body = whole[:place] + bytes([draw.integers(0, 32)]) + b"\xff" + whole[place:]
        codes.append(client.post("/recommend", content=body, headers={"Content-Type": "application/json"}).status_code)
    assert [code for code in codes if not 400 <= code < 500] == []
    assert client.post("/recommend", json=good).status_code == 200
