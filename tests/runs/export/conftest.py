"""Shared by the graphs for other programs: data of 9 users and 23 items."""

from __future__ import annotations

import numpy as np
import pytest

import nextitem as ni

USERS, ITEMS = 9, 23


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> ni.Dataset:
    rng = np.random.default_rng(1)
    lines = [f"u{user},i{item},{item}" for user in range(USERS) for item in range(ITEMS) if (user + item) % 3]
    path = tmp_path_factory.mktemp("data") / "log.csv"
    path.write_text("user,item,timestamp\n" + "\n".join(rng.permutation(lines)) + "\n")
    return ni.read_dataset(path)
