"""Shared by all tests: real data where it is at hand, and a quiet machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of benchmark data; tests that want it are skipped, by name, without it."""
    folder = os.environ.get("NEXTITEM_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("NEXTITEM_DATA names no folder of benchmark data")
    return Path(folder)


@pytest.fixture(scope="session")
def random_log() -> Callable[..., str]:
    """What makes the text of a CSV, always the same: users u0, u1, .. who met items i0, i1, .. in a random order."""

    def text(users: int, items: int, shortest: int, below: int, gap: int = 1, prefix: str = "i") -> str:
        """Histories are at least `shortest` items long and shorter than `below`, `gap` seconds from item to item."""
        rng = np.random.default_rng(0)
        rows = [rng.permutation(items)[: rng.integers(shortest, below)] for _ in range(users)]
        met = ((user, item, step) for user, row in enumerate(rows) for step, item in enumerate(row))
        lines = [f"u{user},{prefix}{item},{gap * step}" for user, item, step in met]
        return "\n".join(["user,item,timestamp", *lines, ""])

    return text


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A session of Spark with one core, quiet and small; tests that want it are skipped without Spark or a Java."""
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("Spark needs a Java")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.sql.shuffle.partitions", 2)
    session = builder.config("spark.ui.enabled", False).config("spark.driver.host", "127.0.0.1").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def one_seed() -> None:
    torch.manual_seed(0)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes are named by their length: an archive holds its own time, and two workers must agree on names."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) and len(val) > 20 else None
