"""Triton without a GPU: the programs of tests/nn/interpreted.py, and where they can run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "nn" / "interpreted.py"
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason='triton is not installed: "nextitem[gpu]"')


def program(folder: Path, *arguments: str, **environment: str) -> str:
    """What the script prints; Triton keeps what it compiles in `folder`."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, "TRITON_CACHE_DIR": str(folder / "triton"), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
