"""Runs to serve, trained once for all tests, and clients of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from nextitem.data.synthetic import markov_chain
from nextitem.recipe import make_recipe
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.learning.run import run
from nextitem.serving.app import application
from nextitem.serving.limits import Limits
from nextitem.serving.service import Opening, Service

LIMITS = Limits(body=50_000, history=60, rows=40, k=20, sessions=3)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads item by item, of 100 items with titles."""
    place = tmp_path_factory.mktemp("served")
    rows = markov_chain(num_users=80, num_items=100, mean_length=15).sequences.to_lists()
    lines = [f"u{user},i{item},{1000 + at}" for user, row in enumerate(rows) for at, item in enumerate(row)]
    (place / "log.csv").write_text("\n".join(["user,item,timestamp", *lines, ""]))
    words = ("Red", "Blue", "Quiet", "Last")
    titles = [f"i{item},The {words[item % 4]} House {item}" for item in range(1, 101)]
    (place / "items.csv").write_text("\n".join(["item,title", *titles, ""]))
    layer = {
        "data": {"source": str(place / "log.csv"), "item_table": str(place / "items.csv")},
        "model": {"name": "GRU4Rec", "dim": 8},
        "training": {"epochs": 2, "batch_size": 256},
        "evaluation": {"baselines": []},
    }
    list(run(make_recipe(layer), place / "GRU4Rec"))
    return place / "GRU4Rec"


@pytest.fixture(scope="session")
def counted(folder: Path) -> Path:
    """A run of the same log whose model counts, and reads no item by item."""
    layer = {"data": {"source": str(folder.parent / "log.csv")}, "model": {"name": "MarkovChain"}}
    list(run(make_recipe(layer, {"evaluation": {"baselines": []}}), folder.parent / "MarkovChain"))
    return folder.parent / "MarkovChain"


@pytest.fixture(scope="session")
def attentive(folder: Path) -> Path:
    """A run of the same log whose model has attention."""
    layer = {
        "data": {"source": str(folder.parent / "log.csv"), "item_table": str(folder.parent / "items.csv")},
        "model": {"name": "SASRec", "dim": 8, "num_layers": 1},
        "training": {"epochs": 1, "batch_size": 256},
        "evaluation": {"baselines": []},
    }
    list(run(make_recipe(layer), folder.parent / "SASRec"))
    return folder.parent / "SASRec"


@pytest.fixture(scope="session")
def loaded(folder: Path) -> Run:
    return load(folder)


@pytest.fixture
def service(folder: Path) -> Service:
    return Service(Opening(folder, folder.name), LIMITS)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(application(service), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def histories() -> list[list[str]]:
    """200 of one to thirty items."""
    draw = np.random.default_rng(7)
    return [[f"i{item}" for item in draw.integers(1, 101, draw.integers(1, 31))] for _ in range(200)]
