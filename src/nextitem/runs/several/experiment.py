"""experiment: the runs of a plan, one after the other or side by side, each a process of its own.

A run that is finished is not made again, one that was stopped goes on, so the same call after a kill continues. A run
that another process is writing is left to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from nextitem.cores import usable_cores
from nextitem.errors import InputError
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.several.plan import Planned
from nextitem.writing import begun, make_folder, write

State = Literal["waiting", "running", "elsewhere", "done", "failed"]
PAUSE = 0.5  # seconds between two looks
PLANS = "plan"  # the folder of recipes and of what the runs print


@dataclass
class Entry:
    """A run and how far it is."""

    planned: Planned
    folder: Path
    state: State = "waiting"
    said: str = ""  # why it failed

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
class Experiment:
    """The runs of a plan below one folder."""

    out: Path
    runs: Sequence[Planned]
    entries: list[Entry] = field(init=False)

    def __post_init__(self) -> None:
        self.entries = [Entry(one, self.out / one.name) for one in self.runs]
        for entry in self.entries:
            folder = RunFolder(entry.folder)
            if folder.has_recipe and (other := folder.differences(entry.planned.recipe)):
                raise InputError(
                    f"{entry.folder} holds a run of another recipe ({'; '.join(other[:3])}); name another folder with "
                    "--out, or remove that run"
                )
            entry.state = "done" if folder.is_finished else "waiting"

    def left(self) -> float | None:
        """Seconds that the waiting runs would take one after the other, by those that are done of the same data and
        kind; None where one of them has no such run."""
        known: dict[tuple[str, str], list[float]] = {}
        for entry in self.entries:
            if (seconds := entry.seconds) is not None:
                known.setdefault((entry.planned.data, entry.planned.kind), []).append(seconds)
        total = 0.0
        for entry in self.entries:
            if entry.state == "done":
                continue
            alike = known.get((entry.planned.data, entry.planned.kind))
            if alike is None:
                return None
            total += sum(alike) / len(alike)
        return total

    def execute(self, workers: int = 1, options: Sequence[str] = ()) -> Iterator[list[Entry]]:
        """Make the runs that are not done, `workers` at a time, which share the cores out among them; gives the entries
        every half second. `options` are further ones of `nextitem run`.

        A run that fails is noted, and the others go on.
        """
        slots: list[_Slot | None] = [None] * workers
        shares = _shares(workers)
        try:
            while any(slots) or any(entry.state in ("waiting", "elsewhere") for entry in self.entries):
                for place, slot in enumerate(slots):
                    if slot is not None and slot.is_over():
                        slots[place] = None
                    if slots[place] is None and (entry := self._next()) is not None:
                        slots[place] = _Slot.start(entry, self.out, shares[place], options)
                yield self.entries
                time.sleep(PAUSE)
            yield self.entries
        finally:
            for slot in slots:
                if slot is not None:
                    slot.stop()

    def _next(self) -> Entry | None:
        """The next run that nobody makes; those that somebody else does are looked at again."""
        for entry in self.entries:
            if entry.state not in ("waiting", "elsewhere"):
                continue
            if RunFolder(entry.folder).is_finished:
                entry.state = "done"
            elif _is_locked(entry.folder):
                entry.state = "elsewhere"
            else:
                entry.state = "running"
                return entry
        return None


@dataclass
class _Slot:
    """A process that makes a run."""

    entry: Entry
    process: subprocess.Popen[bytes]
    printed: Path

    @classmethod
    def start(cls, entry: Entry, out: Path, share: _Share, options: Sequence[str]) -> _Slot:
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
class _Share:
    """The cores of one worker."""

    cores: frozenset[int]  # empty where the system does not bind processes to cores
    environment: dict[str, str]

    def take(self, process: int) -> None:
        if self.cores:
            os.sched_setaffinity(process, self.cores)


def _shares(workers: int) -> list[_Share]:
    """The usable cores, shared out; a worker alone has them all, as a run by itself."""
    if workers == 1:
        return [_Share(frozenset(), {})]
    if not hasattr(os, "sched_setaffinity"):
        return [_Share(frozenset(), {"OMP_NUM_THREADS": str(max(1, usable_cores() // workers))})] * workers
    cores = sorted(os.sched_getaffinity(0))
    return [_Share(frozenset(cores[place::workers] or [cores[place % len(cores)]]), {}) for place in range(workers)]


def _is_locked(folder: Path) -> bool:
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
