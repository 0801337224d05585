"""docs/serving.md: what it asks of a service is answered, and the options that it names are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fastapi.testclient import TestClient
from typer.main import get_command

from nextitem.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## A service with a page")[2].partition("\n## ")[0]


def test_what_it_asks_is_answered(client: TestClient) -> None:
    bodies = re.findall(r"127\.0\.0\.1:8000(/[\w/]+) -H .*?-d '(.*?)'", SECTION, flags=re.DOTALL)
    assert [path for path, _ in bodies] == ["/recommend", "/sessions/ann/items"]
    for path, body in bodies:
        ours = re.sub(r'"(\d+)"', lambda found: f'"i{1 + int(found[1]) % 100}"', body)
        assert client.post(path, json=json.loads(ours)).status_code == 200
    assert client.get("/similar?item=i50&k=5").status_code == 200


def test_every_place_is_in_its_table(client: TestClient) -> None:
    paths = {path.replace("{name}", "NAME") for path in client.get("/openapi.json").json()["paths"]}
    assert {path for path in paths - {"/"} if path not in SECTION} == set()


def test_every_option_that_it_names_is_there() -> None:
    serve = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    known = {name for one in serve.params for name in one.opts}
    assert set(re.findall(r"(--[a-z][a-z-]*)", SECTION)) - {"--build-arg"} <= known
