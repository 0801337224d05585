"""Kernels for other processors than this one: compiled with its features masked, each agrees with its plain form.

Slow, for all kernels are compiled anew. What a masked compiler makes runs here, since it asks for less.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

AVX2 = "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+lzcnt,+f16c"
MASKED = {"none": ("generic", "-avx", "no vector units"), "AVX2 alone": ("haswell", AVX2, "(avx2)")}


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="features of x86-64")
@pytest.mark.parametrize("name", MASKED)
def test_kernels_agree_with_their_plain_forms_on(name: str, tmp_path: Path) -> None:
    processor, features, told = MASKED[name]
    environment = os.environ | {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "nextitem", "doctor", "--kernels", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert told in next(fact["found"] for fact in facts if fact["name"] == "processor")
    kernels = {fact["name"]: fact["found"] for fact in facts if fact["about"] == "kernels" and fact["name"] != "kept"}
    assert len(kernels) >= 15
    assert {name: found for name, found in kernels.items() if found != "agrees with its plain form"} == {}
