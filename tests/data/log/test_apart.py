"""Apart: what a child read is what this process would have read, and no thread begins here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from nextitem.data.ids import IdMap

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by /proc")
HEAD = """
import sys
from os import _exit, fork, waitpid
from pathlib import Path
from nextitem.data.ids import IdMap
from nextitem.errors import InputError
from nextitem.forking import keep_forkable

def num_threads():
    names = [one.read_text().strip() for one in Path("/proc/self/task").glob("*/comm")]
    return sum(name == "polars-0" or name.startswith("tokio") for name in names)

keep_forkable()
place = Path(sys.argv[1])
"""


def said(program: str, place: Path) -> str:
    """By a process of its own: this one has polars' threads."""
    command = [sys.executable, "-c", HEAD + program, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout


def test_ids_are_read_without_a_thread_and_children_read_as_ever(tmp_path: Path) -> None:
    IdMap.of([f"é{number}" for number in range(5000)]).save(tmp_path / "text.parquet")
    IdMap.of(range(7)).save(tmp_path / "numbers.parquet")
    program = """
text, numbers = IdMap.load(place / "text.parquet"), IdMap.load(place / "numbers.parquet")
print(len(text), text.column.to_list()[::4999], numbers.column.to_list(), num_threads(), flush=True)
child = fork()
if not child:
    print(IdMap.load(place / "text.parquet").indices(text.column).sum(), num_threads() > 0, flush=True)
    _exit(0)  # as children of ours do; polars before 2.1 waits at the end of Python for a thread of the parent's
else:
    waitpid(child, 0)
"""
    ids = IdMap.load(tmp_path / "text.parquet").ids([1, 5000])
    assert said(program, tmp_path) == f"5000 {ids} {list(range(7))} 0\n{5000 * 5001 // 2} True\n"


def test_what_cannot_be_read_is_told_in_the_same_words(tmp_path: Path) -> None:
    (tmp_path / "damaged.parquet").write_bytes(b"no Parquet")
    pl.DataFrame({"other": [1.5]}).write_parquet(tmp_path / "other.parquet")
    program = """
for name in ("damaged", "other", "missing"):
    try:
        IdMap.load(place / f"{name}.parquet")
    except InputError as error:
        print(error, num_threads())
"""
    wanted = []
    for name in ("damaged", "other", "missing"):
        with pytest.raises(ValueError, match=name) as refused:
            IdMap.load(tmp_path / f"{name}.parquet")
        wanted.append(f"{refused.value} 0")
    assert said(program, tmp_path).splitlines() == wanted
