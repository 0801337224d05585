"""Making a run of a plan: a process of its own, with its cores, and what it prints; and how far it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from nextitem.cores import usable_cores
from nextitem.errors import InputError
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.several.plan import Planned
from nextitem.writing import begun, make_folder, write

State = Literal["waiting", "running", "elsewhere", "done", "failed", "left out"]
PAUSE = 0.5  # seconds between two looks
PLANS = "plan"  # the folder of recipes and of what the runs print


@dataclass
class Entry:
    """A run and how far it is."""

    planned: Planned
    folder: Path
    state: State = "waiting"
    said: str = ""  # why it failed, or was left out

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its epochs so far."""
        try:
            return RunFolder(self.folder).read_log()
        except InputError:  # being written
            return []

    @property
    def seconds(self) -> float | None:
        """What a finished run took."""
        if self.state != "done":
            return None
        return sum(RunFolder(self.folder).read_report()["seconds"].values())


@dataclass
class Slot:
    """A process that makes a run."""

    entry: Entry
    process: subprocess.Popen[bytes]
    printed: Path

    @classmethod
    def start(cls, entry: Entry, out: Path, share: Share, options: Sequence[str]) -> Slot:
        flat = entry.planned.name.replace("/", "-")
        make_folder(out / PLANS)
        recipe, printed = out / PLANS / f"{flat}.yaml", out / PLANS / f"{flat}.txt"
        write(recipe, entry.planned.recipe.to_yaml().encode())
        command = [*command_of(recipe, entry.folder), *options]
        with begun(printed) as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=os.environ | share.environment,
            )  # fmt: skip
        share.take(process.pid)
        return cls(entry, process, printed)

    def is_over(self) -> bool:
        code = self.process.poll()
        if code is None:
            return False
        self.entry.state = "done" if RunFolder(self.entry.folder).is_finished else "failed"
        if self.entry.state == "failed":
            lines = self.printed.read_text(encoding="utf-8", errors="replace").splitlines()
            last = lines[-1] if lines else f"exit code {code}"
            self.entry.said = f"{last} ({self.printed})"
        return True

    def stop(self) -> None:
        """As by Ctrl-C, after which a run can be continued."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def command_of(recipe: Path, folder: Path) -> list[str]:
    """What makes or continues the run of a recipe."""
    run = [sys.executable, "-m", "nextitem", "run", "--recipe", str(recipe), "--out", str(folder)]
    return [*run, "--mode", "light"]


@dataclass(frozen=True)
class Share:
    """The cores of one worker."""

    cores: frozenset[int]  # empty where the system does not bind processes to cores
    environment: dict[str, str]

    def take(self, process: int) -> None:
        if self.cores:
            os.sched_setaffinity(process, self.cores)


def shares(workers: int) -> list[Share]:
    """The usable cores, shared out; a worker alone has them all, as a run by itself."""
    if workers == 1:
        return [Share(frozenset(), {})]
    if not hasattr(os, "sched_setaffinity"):
        return [Share(frozenset(), {"OMP_NUM_THREADS": str(max(1, usable_cores() // workers))})] * workers
    cores = sorted(os.sched_getaffinity(0))
    return [Share(frozenset(cores[place::workers] or [cores[place % len(cores)]]), {}) for place in range(workers)]


def is_locked(folder: Path) -> bool:
    """Whether another process is writing into it."""
    if not (folder / ".lock").exists():
        return False
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
