"""Shared by all tests: real data where it is at hand, and a quiet machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of benchmark data; tests that want it are skipped, by name, without it."""
    folder = os.environ.get("NEXTITEM_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("NEXTITEM_DATA names no folder of benchmark data")
    return Path(folder)


@pytest.fixture(autouse=True)
def one_seed() -> None:
    torch.manual_seed(0)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes are named by their length: an archive holds its own time, and two workers must agree on names."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) and len(val) > 20 else None
