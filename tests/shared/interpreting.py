"""Triton without a GPU: the programs of tests/nn/interpreted.py, and where they can run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

Found = dict[str, tuple[dict[str, Tensor], dict[str, Tensor]]]  # by case: what Triton gives, and what is wanted

SCRIPT = Path(__file__).parent.parent / "nn" / "interpreted.py"
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason='triton is not installed: "nextitem[gpu]"')


def program(folder: Path, *arguments: str, **environment: str) -> str:
    """What the script prints; Triton keeps what it compiles in `folder`."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, "TRITON_CACHE_DIR": str(folder / "triton"), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "TRITON_HIP_LLD_PATH" in done.stderr:  # Triton 3.4
        pytest.skip("this Triton makes code for AMD by the linker of ROCm, which is not installed")
    assert done.returncode == 0, done.stderr
    return done.stdout


def interpreted(folder: Path, what: str, wanted: dict[str, dict[str, Tensor]]) -> Found:
    """What the script makes, in Triton's interpreter, of the cases whose inputs are in `folder`."""
    program(folder, what, str(folder), TRITON_INTERPRET="1")
    return {name: (load_file(folder / f"{name}.found"), one) for name, one in wanted.items()}


def hold_to_plain(ours: dict[str, Tensor], wanted: dict[str, Tensor], least: float) -> None:
    """To 1e-5 of the largest number of each tensor, or `least` where all are small."""
    for name, one in wanted.items():
        off, largest = float((ours[name].double() - one).abs().max()), float(one.abs().max())
        assert off <= 1e-5 * largest + least, f"{name}: off by {off}, where the largest number is {largest}"
