"""Cores: how many this process may use, and how many others are using."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """The cores that this process may use: those it may run on, or fewer where its container has a quota of time.

    A quota (`cpu.max` of any cgroup that the process is in, or version 1's `cpu.cfs_quota_us`) of 1.5 cores counts as
    two: threads that have used it up wait for the next period.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _quota(CGROUPS, Path("/proc/self/cgroup")))))


def bound_waiting(platform: str, environment: MutableMapping[str, str]) -> None:
    """Let the threads of a parallel loop spin for a millisecond at most while they wait, where LLVM's or Intel's OpenMP
    is torch's: not on Linux, where they are told while they run (nn/kernels/waiting.py). Before torch is loaded; a
    user's own setting wins. Their default, 200 ms, keeps a core from whoever else wants it.
    """
    if platform != "linux":
        environment.setdefault("KMP_BLOCKTIME", "1")


def _quota(root: Path, membership: Path) -> float:
    """Cores' worth of time a period; infinite without a limit, and where there are no cgroups."""
    found = [math.inf]
    for folder, is_v2 in groups(root, membership, "cpu"):
        found.append(_quota_v2(folder) if is_v2 else _quota_v1(folder))
    return min(found)


def groups(root: Path, membership: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    """The folders of the cgroups that limit something for this process, and whether they are of version 2."""
    lines = membership.read_text().splitlines() if membership.exists() else []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        is_v2, parts = not controllers, Path(path.lstrip("/"))
        if not is_v2 and controller not in controllers.split(","):
            continue
        base = root if is_v2 else root / controllers
        # A container often sees its own group as the root, whatever the path says: groups that are not there limit
        # nothing here.
        for folder in (base / parts, *(base / parent for parent in parts.parents)):
            yield folder, is_v2


def _quota_v2(folder: Path) -> float:
    words = words_of(folder / "cpu.max")
    return math.inf if len(words) != 2 or words[0] == "max" else int(words[0]) / int(words[1])


def _quota_v1(folder: Path) -> float:
    quota, period = words_of(folder / "cpu.cfs_quota_us"), words_of(folder / "cpu.cfs_period_us")
    return int(quota[0]) / int(period[0]) if quota and period and int(quota[0]) > 0 else math.inf


def words_of(file: Path) -> list[str]:
    """What a file of the system says, word by word; nothing where it cannot be read."""
    try:
        return file.read_text().split()
    except OSError:
        return []


@dataclass(frozen=True)
class Load:
    """A moment's count of the processor time that was spent, in seconds: by the whole machine, and by this process."""

    at: float
    machine: float
    own: float

    @classmethod
    def now(cls) -> Load | None:
        """None where the system does not tell (it does on Linux)."""
        try:
            fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        except OSError:
            return None
        user, nice, system, _, _, irq, softirq = (int(field) for field in fields[1:8])
        ticks = user + nice + system + irq + softirq
        return cls(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), time.process_time())


def others_since(before: Load | None) -> float:
    """How many cores other processes have used since then, on average; 0 where the system does not tell."""
    now = Load.now()
    if before is None or now is None:
        return 0.0
    return max(0.0, (now.machine - before.machine) - (now.own - before.own)) / max(now.at - before.at, 1e-9)
