"""Workers: several processes that answer at one socket, and the overseer that starts them and starts them again.

The overseer loads the run and computes nothing; each worker is forked from it, so that they share the run's memory, and
proves the run by a first question. One that ends is followed by another; the socket stays open all the while, and the
others answer. At SIGHUP the overseer loads what stands at the run's place now, and replaces the workers one after the
other: each ends, with what it was asked answered, once its follower takes questions.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from threading import Thread
from types import FrameType

import torch

from nextitem.cores import usable_cores
from nextitem.errors import InputError
from nextitem.runs.asking.recommend import Run
from nextitem.serving.server import GRACE, serve
from nextitem.serving.service import Opening, Service, Workers

LOOK = 0.2  # seconds until the overseer looks whether it was told something
PAUSE = 1.0  # seconds between two starts, where one ends at once
_LOG = logging.getLogger(__name__)
Serving = Callable[[Workers], Service]


@dataclass(frozen=True)
class Worker:
    """A process that answers, or will."""

    process: ForkProcess
    told: Connection  # what it says: an empty text once it takes questions, or why it does not
    begun: float  # seconds, of the monotonic clock


def oversee(
    num: int, opening: Opening, serving: Serving, listener: socket.socket, token: str | None,
    begun: Callable[[Run], None],
) -> None:  # fmt: skip
    """Answer by `num` processes until SIGTERM or Ctrl-C; `begun` is called once all take questions.

    Raises:
        InputError: the run cannot be opened, or answers nothing; or the system has no fork.
    """
    if not hasattr(os, "fork"):
        raise InputError("--workers are forked, which this system cannot; start several services behind a proxy")
    Overseer(num, opening, serving, listener, token).oversee(begun)


class Overseer:
    def __init__(
        self, num: int, opening: Opening, serving: Serving, listener: socket.socket, token: str | None
    ) -> None:
        torch.set_num_threads(1)  # no thread is begun that the workers would miss
        self._num, self._opening, self._serving, self._listener, self._token = num, opening, serving, listener, token
        self._run = opening.load()
        self._workers: list[Worker] = []
        self._ends = self._reloads = False

    def oversee(self, begun: Callable[[Run], None]) -> None:
        """See `oversee`."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)
        try:
            self._workers = [self._started(self._run) for _ in range(self._num)]
            for worker in self._workers:
                if (problem := self._heard(worker)) is not None:
                    raise InputError(problem)
            if not self._ends:
                begun(self._run)
            while not self._ends:
                wait([one.process.sentinel for one in self._workers], LOOK)
                self._workers = [one if one.process.is_alive() else self._follower(one) for one in self._workers]
                if self._reloads:
                    self._reloads = False
                    self._reload()
        finally:
            self._end()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._reloads |= number == signal.SIGHUP
        self._ends |= number != signal.SIGHUP

    def _started(self, run: Run) -> Worker:
        here, there = get_context("fork").Pipe(duplex=False)
        workers = Workers(self._num, os.getpid(), run)
        process = get_context("fork").Process(target=self._answer, args=(workers, there))
        process.start()
        there.close()
        return Worker(process, here, time.monotonic())

    def _follower(self, gone: Worker) -> Worker:
        """Of a worker that ended by itself, or was ended."""
        _LOG.warning("worker %d ended with code %d; another begins", gone.process.pid, gone.process.exitcode)
        gone.told.close()
        time.sleep(max(0.0, PAUSE - (time.monotonic() - gone.begun)))
        return self._started(self._run)

    def _heard(self, worker: Worker) -> str | None:
        """Why a worker does not answer; None once it does, or when all is to end."""
        while not self._ends:
            if worker.told.poll(LOOK):
                try:
                    return str(worker.told.recv_bytes().decode()) or None
                except EOFError:
                    worker.process.join()
                    return f"a worker ended with code {worker.process.exitcode} before it answered"
        return None

    def _reload(self) -> None:
        """Replace the workers by such as have the run that stands there now; if one does not answer, none is replaced
        that was not yet."""
        before = self._run
        try:
            self._run = self._opening.load()
        except InputError as error:
            _LOG.error("%s; the run from before goes on", error)
            return
        for place, worker in enumerate(self._workers):
            other = self._started(self._run)
            if (problem := self._heard(other)) is not None:
                _LOG.error("%s; the run from before goes on", problem)
                self._run = before
                other.process.join()
                return
            self._workers[place] = other
            worker.process.terminate()
            worker.process.join(GRACE + 5)

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(GRACE + 5)
            worker.process.kill()

    def _answer(self, workers: Workers, told: Connection) -> None:
        """In a worker."""
        for number in (signal.SIGINT, signal.SIGHUP):  # a terminal tells them all; the overseer hands it on
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        torch.set_num_threads(max(1, usable_cores() // workers.num))
        Thread(target=_until_alone, args=(workers.overseer,), daemon=True).start()
        try:
            service = self._serving(workers)
        except InputError as error:
            told.send_bytes(str(error).encode())
            return
        serve(service, self._listener, self._token, lambda: told.send_bytes(b""))


def _until_alone(overseer: int) -> None:
    """End, as at SIGTERM, when the overseer is gone: nobody would end this process any more."""
    while os.getppid() == overseer:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
