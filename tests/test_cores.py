"""How many cores a process may use, and how many others use."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nextitem.cores import Load, _quota, bound_waiting, others_since, usable_cores


def group(root: Path, path: str, **files: str) -> None:
    (root / path).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / path / name.replace("__", ".")).write_text(content + "\n")


def membership(root: Path, text: str) -> Path:
    file = root / "membership"
    file.write_text(text)
    return file


@pytest.mark.parametrize(("limit", "cores"), [("150000 100000", 1.5), ("max 100000", math.inf), ("50000 100000", 0.5)])
def test_a_quota_of_version_2_is_time_over_period(tmp_path: Path, limit: str, cores: float) -> None:
    group(tmp_path, "a/b", cpu__max=limit)
    assert _quota(tmp_path, membership(tmp_path, "0::/a/b\n")) == cores


def test_a_group_above_limits_too(tmp_path: Path) -> None:
    group(tmp_path, "a", cpu__max="200000 100000")
    group(tmp_path, "a/b", cpu__max="max 100000")
    assert _quota(tmp_path, membership(tmp_path, "0::/a/b\n")) == 2


def test_a_container_that_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    group(tmp_path, "", cpu__max="300000 100000")
    assert _quota(tmp_path, membership(tmp_path, "0::/docker/0123\n")) == 3


def test_version_1_names_quota_and_period_in_two_files(tmp_path: Path) -> None:
    group(tmp_path, "cpu,cpuacct/job", cpu__cfs_quota_us="400000", cpu__cfs_period_us="100000")
    group(tmp_path, "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert _quota(tmp_path, membership(tmp_path, "4:memory:/job\n3:cpu,cpuacct:/job\n")) == 4


def test_without_groups_nothing_limits(tmp_path: Path) -> None:
    assert _quota(tmp_path, tmp_path / "none") == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_counts() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    code = "import os, nextitem.cores as c; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    code += "print(c.usable_cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_others_are_what_the_machine_did_beyond_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Load, "now", classmethod(lambda _: Load(at=14.0, machine=107.0, own=9.0)))
    assert others_since(Load(at=10.0, machine=100.0, own=8.0)) == (7 - 1) / 4


@pytest.mark.parametrize(
    ("platform", "given", "then"),
    [("darwin", {}, "1"), ("win32", {}, "1"), ("linux", {}, None), ("darwin", {"KMP_BLOCKTIME": "200"}, "200")],
)
def test_where_threads_cannot_be_told_later_they_spin_a_millisecond(
    platform: str, given: dict[str, str], then: str | None
) -> None:
    bound_waiting(platform, given)
    assert given.get("KMP_BLOCKTIME") == then


def test_where_the_system_does_not_tell_there_are_no_others() -> None:
    assert others_since(None) == 0
