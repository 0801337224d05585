"""The door to numba: kept or not, told of, in turns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import pytest
from numba import njit

import nextitem
from nextitem.compiling import told_of_compilation

PACKAGE = Path(nextitem.__file__).parent


def run_python(code: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    environment = kept | {"PYTHONPATH": str(path), "OMP_NUM_THREADS": "2", **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_compilation_is_told_once_and_only_where_there_is_one() -> None:
    one, other = njit(lambda x: x + 1), njit(lambda x: x + 2)
    told: list[str] = []
    with told_of_compilation(lambda: told.append("compiling")):
        assert told == []
        assert (one(1), other(1), one(2)) == (2, 3, 3)
        assert told == ["compiling"]
    with told_of_compilation(lambda: told.append("again")):
        one(3)
    njit(lambda x: x)(1)  # nobody listens any more
    assert told == ["compiling"]


@pytest.fixture(scope="module")
def unwritable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the kernels of dropout need, in which no cache can be made, whoever runs it: a file is there."""
    base = tmp_path_factory.mktemp("unwritable")
    files = [
        "__init__.py",
        "errors.py",
        "calls.py",
        "cores.py",
        "compiling.py",
        "forking.py",
        "agreements.py",
        "writing.py",
        "nn/__init__.py",
        "nn/dropout.py",
        "nn/once.py",
    ]
    files += [str(one.relative_to(PACKAGE)) for one in (PACKAGE / "nn/kernels").glob("*.py")]
    for name in files:
        place = base / "nextitem" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / name, place)
    for folder in ("", "nn", "nn/kernels"):
        (base / "nextitem" / folder / "__pycache__").write_text("")
    return base


DROPS = """
import sys, torch
from nextitem.compiling import are_kept
from nextitem.nn.dropout import dropout
print("imported", file=sys.stderr)
print(are_kept())
x = torch.ones(40)
print(torch.equal(dropout(x, .5, 3), dropout(x.double(), .5, 3).float()), int(dropout(x, .5, 3).sum()) > 0)
"""


@pytest.fixture(scope="module")
def not_kept(unwritable: Path) -> subprocess.CompletedProcess[str]:
    return run_python(DROPS, unwritable, HOME="/dev/null")


def test_kernels_run_where_no_cache_can_be_written(not_kept: subprocess.CompletedProcess[str]) -> None:
    assert not_kept.returncode == 0, not_kept.stderr
    assert not_kept.stdout.split() == ["False", "True", "True"]


def test_it_is_said_once_that_kernels_are_not_kept(not_kept: subprocess.CompletedProcess[str]) -> None:
    assert not_kept.stderr.count("compiled kernels cannot be kept") == 1
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in not_kept.stderr


def test_nothing_is_said_before_something_is_compiled(not_kept: subprocess.CompletedProcess[str]) -> None:
    assert not_kept.stderr.startswith("imported")


def test_kernels_are_kept_where_numba_is_told_to(unwritable: Path, tmp_path: Path) -> None:
    done = run_python(DROPS, unwritable, HOME="/dev/null", NUMBA_CACHE_DIR=str(tmp_path / "kept"))
    assert (done.stdout.split()[0], done.stderr) == ("True", "imported\n")
    assert list((tmp_path / "kept").rglob("*.nbi"))


def test_without_numbas_compiler_the_plain_form_runs() -> None:
    done = run_python(DROPS, PACKAGE.parent, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "True", "True"]


SCORES = """
import sys, torch
from nextitem.compiling import STANDING
from nextitem.nn.kernels.scoring import scores_by_item
from nextitem.nn.kernels.tiles import multiply
torch.manual_seed(0)
vectors, queries = torch.randn(70, 16), torch.randn(5, 16)
print(torch.allclose(scores_by_item(vectors, queries), vectors @ queries.T, atol=1e-5), len(STANDING.loaded))
"""


def test_what_stands_is_compiled_where_nothing_can_be_kept(unwritable: Path) -> None:
    done = run_python(SCORES, unwritable, HOME="/dev/null")
    assert (done.returncode, done.stdout.split()) == (0, ["True", "1"]), done.stderr


def test_what_stands_is_found_by_kernels_that_were_kept(tmp_path: Path) -> None:
    """A kept kernel knows it by its name alone, which ends the process where nothing of that name is loaded."""
    for _ in range(2):
        done = run_python(SCORES, PACKAGE.parent, NUMBA_CACHE_DIR=str(tmp_path))
        assert (done.returncode, done.stdout.split()) == (0, ["True", "1"]), done.stderr
    written = {one: one.stat().st_mtime_ns for one in tmp_path.rglob("*.nbc")}
    assert {one.name.split("-")[0] for one in written} == {"scoring._score", "tiles.multiply"}
    run_python(SCORES, PACKAGE.parent, NUMBA_CACHE_DIR=str(tmp_path))
    assert {one: one.stat().st_mtime_ns for one in tmp_path.rglob("*.nbc")} == written


CALLED = """
from numba import types
from nextitem.compiling import inner_kernel, standing
@inner_kernel()
def added(x):
    return x + 1
@standing(types.float64[::1], types.float64)
def put(out, x):
    out[0] = 2 * x
"""
CALLS = """
import numpy as np
from numba import prange
from nextitem.compiling import parallel_kernel
import called
from called import added
@parallel_kernel()
def fill(out, x):
    for i in prange(1):
        called.put(out, x)
        out[1] = added(x)
out = np.zeros(2)
fill(out, 5)
print(out.tolist())
"""


def test_a_kept_kernel_follows_what_it_calls_in_other_files(tmp_path: Path) -> None:
    """numba looks at the kernel's own file alone; what is called by a part of a module is found, too."""
    (tmp_path / "calls.py").write_text(CALLS)
    path = Path(os.pathsep.join([str(tmp_path), str(PACKAGE.parent)]))
    found = []
    for body in (CALLED, CALLED.replace("x + 1", "x + 3"), CALLED.replace("float64", "int64", 2)):
        (tmp_path / "called.py").write_text(body.replace("int64[::1]", "float64[::1]"))
        done = run_python("import calls", path, NUMBA_CACHE_DIR=str(tmp_path / "kept"))
        assert done.returncode == 0, done.stderr
        found.append((done.stdout.strip(), len(list((tmp_path / "kept").rglob("*.nbc")))))
    assert found == [("[10.0, 6.0]", 2), ("[10.0, 8.0]", 2), ("[10.0, 6.0]", 2)]


TURNS = """
import threading, torch
from nextitem.nn.kernels.choose import runs_compiled
from nextitem.nn.scorers import all_inner_products
import numba
torch.manual_seed(0)
queries, vectors = torch.randn(64, 32), torch.randn(4000, 32)
def score():
    with torch.inference_mode():
        for _ in range(60):
            assert torch.allclose(all_inner_products(queries, vectors), queries @ vectors.T, atol=1e-4)
    done.append(1)
done = []
threads = [threading.Thread(target=score) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
print(numba.threading_layer(), len(done))
"""


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_threads_may_score_at_the_same_time(layer: str) -> None:
    done = run_python(TURNS, PACKAGE.parent, NUMBA_THREADING_LAYER=layer)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [layer, "4"]


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx512f", False), reason="AVX-512 alone")
@pytest.mark.parametrize("chosen", [False, True])
def test_loops_fill_the_vectors_of_the_processor_but_where_numba_was_told(chosen: bool) -> None:
    code = """
import nextitem.compiling, numba, numpy as np
@numba.njit
def doubled(x):
    for place in range(len(x)):
        x[place] = x[place] * 2
doubled(np.zeros(4096, np.float32))
print("zmm" in "".join(doubled.inspect_asm().values()))
"""
    features = ",".join([llvm.get_host_cpu_features().flatten(), "+prefer-256-bit"])
    variables = {"NUMBA_CPU_FEATURES": features} if chosen else {}
    done = run_python(code, PACKAGE.parent, **variables)
    assert done.stdout.split() == [str(not chosen)], done.stderr
