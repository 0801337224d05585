"""Workers: several processes that answer at one socket, and the overseer that starts them and starts them again.

The overseer loads the run, computes nothing and begins no threads; each worker is forked from it, so that they share
the run's memory, and proves the run by a first question. One that ends is followed by another; the socket stays open
all the while, and the others answer. One that cannot begin is tried again after 1, 2, 4, .. 60 seconds; where none
answers and each was tried 6 times, the service ends.

At SIGHUP the overseer loads what stands at the run's place now, and starts as many workers of it. Once all have proved
it, all take questions, and those from before end, with what they were asked answered. Where one does not, for whatever
reason, all of the new ones end, and those from before go on.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from threading import Thread
from types import FrameType

import torch

from nextitem.cores import usable_cores
from nextitem.errors import InputError
from nextitem.forking import keep_forkable
from nextitem.runs.asking.recommend import Run
from nextitem.serving.server import serve
from nextitem.serving.service import Opening, Service, Workers
from nextitem.serving.telling import line_of
from nextitem.serving.worker import Gate, Stage, Worker, end

LOOK = 0.2  # seconds until the overseer looks whether it was told something
PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two starts, where one ends at once
TRIES = 6  # starts in a row of every worker without one that answers, after which the service ends
_LOG = logging.getLogger(__name__)
Serving = Callable[[Workers], Service]


@dataclass
class Place:
    """Of one worker after the other."""

    worker: Worker | None
    failed: int = 0  # starts in a row after which no question was taken
    due: float = 0.0  # when the next one begins, where there is none; seconds, of the monotonic clock


def oversee(
    num: int, opening: Opening, serving: Serving, listener: socket.socket, token: str | None,
    begun: Callable[[Run], None],
) -> None:  # fmt: skip
    """Answer by `num` processes until SIGTERM or Ctrl-C; `begun` is called once all take questions.

    Raises:
        InputError: the run cannot be opened, or answers nothing; or the system has no fork; or no worker answers any
            more.
    """
    if not hasattr(os, "fork"):
        raise InputError("--workers are forked, which this system cannot; start several services behind a proxy")
    Overseer(num, opening, serving, listener, token).oversee(begun)


class Overseer:
    def __init__(
        self, num: int, opening: Opening, serving: Serving, listener: socket.socket, token: str | None
    ) -> None:
        torch.set_num_threads(1)  # no thread is begun that the workers would miss
        keep_forkable()
        self._num, self._opening, self._serving, self._listener, self._token = num, opening, serving, listener, token
        self._run = opening.load()
        self._places: list[Place] = []
        self._leaving: list[Worker] = []
        self._ends = self._reloads = False

    def oversee(self, begun: Callable[[Run], None]) -> None:
        """See `oversee`."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)
        try:
            self._places = [Place(one) for one in self._started(self._run)]
            if not self._ends:
                begun(self._run)
            while not self._ends:
                wait([one.process.sentinel for one in self._workers()], LOOK)
                self._look()
                if self._reloads:
                    self._reloads = False
                    self._reload()
        finally:
            end([*self._workers(), *self._leaving])

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._reloads |= number == signal.SIGHUP
        self._ends |= number != signal.SIGHUP

    def _workers(self) -> list[Worker]:
        return [one.worker for one in self._places if one.worker is not None]

    def _started(self, run: Run) -> list[Worker]:
        """As many as answer here, all of which take questions; none where all is to end.

        Raises:
            InputError: one does not, and none is left.
            OSError: the system gives no more processes, and none is left.
        """
        workers: list[Worker] = []
        try:
            while len(workers) < self._num:
                workers.append(self._worker(run))
            for stage in (Stage.PROVED, Stage.ANSWERS):
                for one in workers:
                    self._wait_for(one, stage)
                if stage is Stage.PROVED:
                    for one in workers:
                        one.let_in()
        except BaseException:
            self._dismiss(workers)
            raise
        if self._ends:
            self._dismiss(workers)
            return []
        return workers

    def _dismiss(self, workers: list[Worker]) -> None:
        """They end, with what they were asked answered, while this goes on."""
        for one in workers:
            one.leave()
        self._leaving += workers

    def _worker(self, run: Run) -> Worker:
        workers = Workers(self._num, os.getpid(), run)
        return Worker(lambda gate: self._answer(workers, gate))

    def _wait_for(self, worker: Worker, stage: Stage) -> None:
        """Until it has come so far, or all is to end; raises InputError where it never will."""
        while worker.stage < stage and not self._ends:
            is_last = worker.has_ended  # looked at first: what it told before is heard
            worker.hear(LOOK)
            if is_last and worker.stage < stage:
                raise InputError(worker.problem or f"{worker.why()} before it answered")

    def _look(self) -> None:
        """Follow those that ended; raises InputError where none answers any more."""
        self._leaving = [one for one in self._leaving if not one.has_left()]
        for place in self._places:
            if place.worker is None:
                self._follow(place)
                continue
            is_last = place.worker.has_ended
            place.worker.hear()
            if place.worker.stage is Stage.ANSWERS:
                place.failed = 0
            if is_last:
                self._lost(place, place.worker)

    def _follow(self, place: Place) -> None:
        if time.monotonic() < place.due:
            return
        try:
            place.worker = self._worker(self._run)
        except OSError as error:  # no memory, or too many processes; that may pass
            self._failed(place, f"no worker can begin ({error})")
            return
        place.worker.let_in()

    def _lost(self, place: Place, worker: Worker) -> None:
        """Its worker has ended by itself, or was ended."""
        why = worker.why()
        worker.has_left()
        place.worker = None
        if worker.stage is Stage.ANSWERS:
            place.due = worker.begun + PAUSE
            _LOG.warning("%s; another begins", why)
        else:
            self._failed(place, why)

    def _failed(self, place: Place, why: str) -> None:
        place.failed += 1
        if min(one.failed for one in self._places) >= TRIES:
            raise InputError(f"{why}; no worker answers any more, each was tried {TRIES} times, so the service ends")
        pause = min(LONGEST_PAUSE, PAUSE * 2.0 ** (place.failed - 1))
        place.due = time.monotonic() + pause
        _LOG.warning("%s; another begins in %g seconds", why, pause)

    def _reload(self) -> None:
        """Put workers of the run that stands there now in the place of all; where one of them does not answer, of
        none."""
        try:
            run = self._opening.load()
            workers = self._started(run)
        except Exception as error:  # whatever it is, those that answer go on
            _LOG.error("%s; the run from before goes on", line_of(error))
            return
        if self._ends:
            return
        self._dismiss(self._workers())
        self._run, self._places = run, [Place(one) for one in workers]

    def _answer(self, workers: Workers, gate: Gate) -> None:
        """In a worker."""
        torch.set_num_threads(max(1, usable_cores() // workers.num))
        Thread(target=_until_alone, args=(workers.overseer,), daemon=True).start()
        service = self._serving(workers)
        gate.wait()
        serve(service, self._listener, self._token, gate.pass_through)


def _until_alone(overseer: int) -> None:
    """End, as at SIGTERM, when the overseer is gone: nobody would end this process any more."""
    while os.getppid() == overseer:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
