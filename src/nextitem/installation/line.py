"""Line: this installation in a line, for the message of a fault; it asks nothing of any package but its version."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

TOLD = ("torch", "numpy", "numba", "polars", "narwhals", "pydantic", "typer")


def installation_line() -> str:
    """Of nextitem, Python and the system, then of the packages that faults come from most."""
    versions = ", ".join(f"{name} {_version(name)}" for name in TOLD)
    system = f"Python {platform.python_version()}, {sys.platform} {platform.machine()}"
    return f"nextitem {_version('nextitem')}, {system}; {versions}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
