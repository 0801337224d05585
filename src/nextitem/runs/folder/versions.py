"""Versions: of this library and of what its figures depend on, as a report keeps them."""

from __future__ import annotations

import platform
from importlib.metadata import version

PACKAGES = ("nextitem", "torch", "numpy", "scipy", "polars", "lightning-fabric")


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
