"""Shared by the tests of tuning: a log, and a tuning of seven trials on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tunings import SPACE, recipe_on

import nextitem as ni
from nextitem.tuning.result import Tuning

USERS, ITEMS = 60, 30


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    path = tmp_path_factory.mktemp("tune") / "log.csv"
    path.write_text(random_log(USERS, ITEMS, 4, 12))
    return path


@pytest.fixture(scope="session")
def tuned(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuning:
    return ni.tune(recipe_on(log), tmp_path_factory.mktemp("tuned") / "out", trials=7, space=SPACE)
