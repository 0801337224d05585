"""Commands in processes that are forked from one which has loaded everything: a kill costs what the command takes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

PATIENCE = 600  # seconds that a command may take at the most
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload([
    "nextitem.cli.main", "nextitem.runs.learning.run", "nextitem.runs.learning.update", "nextitem.tuning.tune",
    "nextitem.analysis.audit", "nextitem.runs.export.exporting", "nextitem.runs.several.experiment",
])  # fmt: skip


@dataclass(frozen=True)
class Started:
    """A command under way, in a group of processes of its own."""

    process: ForkServerProcess
    said: Connection  # what stderr says: less than a pipe holds

    def kill(self, number: int, is_for_all: bool) -> None:
        """Send a signal to the command, or also to what it has started; nothing, if it has ended already."""
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            (os.killpg if is_for_all else os.kill)(self.process.pid, number)

    def end(self) -> tuple[int, str]:
        """The exit code, minus the signal that ended it, and what was said on stderr."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is None:
            self.kill(signal.SIGKILL, is_for_all=True)
            raise AssertionError("it stands still")
        with self.said:
            found = os.read(self.said.fileno(), 2**16) if self.said.poll() else b""
        return code, found.decode(errors="replace")


def start(arguments: list[str], place: Path, largest: int | None = None) -> Started:
    """`nextitem ARGUMENTS` in the folder `place`; files of more than `largest` bytes find no room there."""
    here, there = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_command, args=(arguments, str(place), there, largest))
    process.start()
    there.close()
    return Started(process, here)


def _command(arguments: list[str], place: str, stderr: Connection, largest: int | None) -> None:
    os.setsid()
    os.chdir(place)
    os.dup2(stderr.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    sys.argv = ["nextitem", *arguments]
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    from nextitem.cli.main import main

    main()


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes at the folder `place`, which only root can make."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)
