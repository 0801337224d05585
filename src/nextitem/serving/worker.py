"""Worker: a process that answers, as its overseer sees it: how far it has come, why it could not, and how it ends."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from nextitem.serving.server import GRACE
from nextitem.serving.telling import line_of

STARTING = 600.0  # seconds that a worker has to take questions; kernels may have to be compiled
ENDING = GRACE + 5.0  # seconds that one has to end, after which it is killed
LET_IN = b"answer"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if sys.platform != "win32" else ()


class Stage(IntEnum):
    """How far a worker has come."""

    BEGUN = 0
    PROVED = 1  # the run answered it a first question, and it waits to be let in
    ANSWERS = 2


class Gate:
    """In a worker: how it tells that it has come a stage further."""

    def __init__(self, line: Connection) -> None:
        self._line = line

    def wait(self) -> None:
        """The run is proved; come back once questions may be taken."""
        self._line.send_bytes(b"")
        self._line.recv_bytes()

    def pass_through(self) -> None:
        """Questions are taken."""
        self._line.send_bytes(b"")


class Worker:
    """A forked process that does `answer`."""

    def __init__(self, answer: Callable[[Gate], None]) -> None:
        """Raises OSError where the system gives no process."""
        forked = get_context("fork")
        self._line, there = forked.Pipe()
        self.process = forked.Process(target=_work, args=(answer, there))
        self.begun = time.monotonic()
        self.stage = Stage.BEGUN
        self.problem = ""  # why it does not answer, where it could tell
        self._end = float("inf")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # none is lost to what hears them here
        try:
            self.process.start()
        except OSError:
            self._line.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            there.close()

    @property
    def has_ended(self) -> bool:
        return not self.process.is_alive()

    def let_in(self) -> None:
        """Questions may be taken once the run is proved."""
        with suppress(OSError):  # it has ended, which is seen by itself
            self._line.send_bytes(LET_IN)

    def hear(self, seconds: float = 0.0) -> None:
        """Take in what it tells within some time; one that takes too long to answer is killed."""
        if seconds:
            wait([self._line, self.process.sentinel], seconds)
        with suppress(EOFError, OSError):  # it has ended, which is seen by itself
            while self._line.poll():
                self.problem = self._line.recv_bytes().decode()
                self.stage = self.stage if self.problem else Stage(self.stage + 1)
        if self.stage < Stage.ANSWERS and time.monotonic() - self.begun > STARTING and not self.has_ended:
            self.problem = (
                f"it took no questions within {STARTING:g} seconds; look whether memory or the disk is short, or see "
                "it begin alone with --workers 1"
            )
            self.process.kill()

    def why(self) -> str:
        """How it ended."""
        self.process.join()
        ended = f"worker {self.process.pid} ended with code {self.process.exitcode}"
        return f"{ended}: {self.problem}" if self.problem else ended

    def leave(self) -> None:
        """Tell it to answer what is under way, and to end."""
        if self._end == float("inf"):
            self.process.terminate()
            self._end = time.monotonic() + ENDING

    def has_left(self, seconds: float = 0.0) -> bool:
        """Whether it has ended, looked at for some time; one that was told to, and does not, is killed."""
        self.process.join(seconds)
        if not self.has_ended and time.monotonic() > self._end:
            self.process.kill()
            self.process.join(1)
        if self.has_ended:
            self._line.close()
        return self.has_ended


def end(workers: list[Worker]) -> None:
    """All of them, within the time that one has."""
    for worker in workers:
        worker.leave()
    for worker in workers:
        while not worker.has_left(0.1):
            pass


def _work(answer: Callable[[Gate], None], line: Connection) -> None:
    """In the worker. A terminal tells Ctrl-C and its end to all processes; the overseer hands them on."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        answer(Gate(line))
    except Exception as error:  # whatever it is reaches the overseer's log
        line.send_bytes(line_of(error).encode())
        sys.exit(1)
