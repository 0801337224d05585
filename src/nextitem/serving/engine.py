"""Engine: one thread asks the model, and takes questions that wait at the same time in one batch.

A question that comes alone is answered at once. While the thread is at work others queue, and what is there is the
next batch; where the batch before held several, the thread waits a few milliseconds for more: there are clients enough.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import torch

from nextitem.errors import InputError
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.retrieval.exact import every_item
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.recommendation import Recommendation
from nextitem.runs.parts.build import build_memory
from nextitem.serving.questions import Question

MOST_ROWS = 64  # of a batch
_LOG = logging.getLogger(__name__)
Found = TypeVar("Found")


class BusyError(Exception):
    """More questions wait than may."""


@dataclass(frozen=True)
class Asked:
    """A question that waits for its answer."""

    question: Question
    future: Future[list[Recommendation]] = field(default_factory=Future)


@dataclass(frozen=True)
class Call:
    """Work of another kind, which wants the thread for itself: a step of a session."""

    work: Callable[[Run], Any]
    future: Future[Any] = field(default_factory=Future)


class Engine:
    """`window` is how long a batch waits for more, in seconds; with `batched` false each question is one by itself.

    `tidy` is done in the thread `every` so many seconds, whether anybody asks or not.
    """

    def __init__(
        self, run: Run, *, window: float = 0.002, batched: bool = True, waiting: int = 1024,
        saw: Callable[[int], None] = lambda rows: None, tidy: Callable[[], None] = lambda: None, every: float = 60.0,
    ) -> None:  # fmt: skip
        self.run = run  # another one may be put here at any time: a batch is of the run that it began with
        self._window, self._batched, self._most_waiting, self._saw = window, batched, waiting, saw
        self._tidy, self._every, self._tidied = tidy, every, time.monotonic()
        self._queue: SimpleQueue[Asked | Call | None] = SimpleQueue()
        self._is_over = self._is_stopped = False
        self._thread = Thread(target=self._work, name="nextitem-engine", daemon=True)
        self._thread.start()

    @property
    def num_waiting(self) -> int:
        """How many questions wait."""
        return self._queue.qsize()

    async def recommend(self, question: Question) -> list[Recommendation]:
        """Raises InputError as `Run.recommend` does, and BusyError."""
        asked = Asked(question)
        self._put(asked)
        return await asyncio.wrap_future(asked.future)

    async def call(self, work: Callable[[Run], Found], *, is_ours: bool = False) -> Found:
        """What `work` makes of the run, in the thread; what is ours waits however many do."""
        called = Call(work)
        self._put(called, is_ours)
        found: Found = await asyncio.wrap_future(called.future)
        return found

    def stop(self) -> None:
        """Answer what waits, and end."""
        self._is_stopped = True
        self._queue.put(None)
        self._thread.join()

    def _put(self, work: Asked | Call, is_ours: bool = False) -> None:
        if self._is_stopped:
            raise BusyError("the service ends; ask the one that follows")
        if self.num_waiting >= self._most_waiting and not is_ours:
            raise BusyError(f"{self.num_waiting:,} requests wait for the model, as many as may; ask again in a second")
        self._queue.put(work)

    def _work(self) -> None:
        was_many, held = False, None
        with ExitStack() as of_held:  # what all questions to a run share is worked out once
            while not self._is_over and (first := self._first()) is not None:
                works = self._gathered(first, self._window if was_many else 0.0)
                was_many = len(works) > 1
                run = self.run
                try:
                    if run is not held:
                        held = None
                        of_held.close()
                        with torch.no_grad():
                            of_held.enter_context(run.model.ready())
                        held = run
                    self._answer(run, works)
                except Exception as error:  # who asked is told; without the thread nobody would be answered any more
                    _fail([one.future for one in works if not one.future.done()], error)

    def _first(self) -> Asked | Call | None:
        """Of a batch, once somebody asks; None at the end."""
        while True:
            left = self._tidied + self._every - time.monotonic()
            if left <= 0:
                self._tidied = time.monotonic()
                self._tidy()
                continue
            try:
                return self._queue.get(timeout=left)
            except Empty:
                continue

    def _answer(self, run: Run, works: list[Asked | Call]) -> None:
        """Those that somebody waits for still; at the end of the service some are given up."""
        for call in (one for one in works if isinstance(one, Call) and not one.future.cancelled()):
            _settle(call.future, partial(call.work, run))
        for group in _alike([one for one in works if isinstance(one, Asked) and not one.future.cancelled()]):
            self._saw(sum(one.question.num_rows for one in group))
            _answer(run, group)

    def _gathered(self, first: Asked | Call, window: float) -> list[Asked | Call]:
        """What waits, and what comes within the window, up to the rows of a batch."""
        works, rows, end = [first], _rows_of(first), time.monotonic() + window
        while self._batched and rows < MOST_ROWS:
            try:
                work = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                break
            if work is None:
                self._is_over = True
                break
            works.append(work)
            rows += _rows_of(work)
        return works


def _rows_of(work: Asked | Call) -> int:
    return work.question.num_rows if isinstance(work, Asked) else 0


def _alike(asked: list[Asked]) -> list[list[Asked]]:
    """Those that one call can answer."""
    groups: dict[tuple[object, ...], list[Asked]] = {}
    for one in asked:
        groups.setdefault(one.question.how, []).append(one)
    return list(groups.values())


def _answer(run: Run, group: list[Asked]) -> None:
    """All at once; where one is refused, each by itself, so that nobody has another's error."""
    if len(group) == 1:
        _settle(group[0].future, partial(_recommended, run, group))
        return
    try:
        found = iter(_recommended(run, group))
    except InputError:
        for one in group:
            _answer(run, [one])
        return
    except Exception as error:
        _fail([one.future for one in group], error)
        return
    for one in group:
        _resolve(one.future, [next(found) for _ in range(one.question.num_rows)])


def _recommended(run: Run, group: list[Asked]) -> list[Recommendation]:
    """The answers of all rows, in pieces whose scores keep to the run's evaluation.memory_mb."""
    asked = [one.question for one in group]
    first = asked[0]
    what = "user" if first.histories is None else "history"
    names = [f"{what} {number}" for one in asked for number in range(one.num_rows)]
    histories = None if first.histories is None else [row for one in asked for row in one.histories or ()]
    users = None if first.users is None else [user for one in asked for user in one.users or ()]
    has_beside = first.times is not None or first.at is not None or first.ratings is not None
    size = len(names) if histories is None or has_beside else _most_rows(run)  # moments are read as a whole
    found = []
    for start in range(0, max(1, len(names)), max(1, size)):
        piece = slice(start, start + max(1, size))
        found += run.recommend(
            None if histories is None else histories[piece],
            first.k,
            users=None if users is None else users[piece],
            times=first.times,
            at=first.at,
            ratings=first.ratings,
            unknown=first.unknown,
            exclude_seen=not first.keep_seen,
            exclude=first.exclude,
            only=first.only,
            fallback=first.fallback,
            names=names[piece],
            ann=bool(first.ann),
        )
    return found


def _most_rows(run: Run) -> int:
    """Whose scores keep to the run's evaluation.memory_mb, at most those of a batch; a search holds no scores."""
    if every_item(run.model) is not None:
        return MOST_ROWS
    memory = build_memory(run.recipe.evaluation, run.model.num_items)
    return max(1, min(MOST_ROWS, memory // bytes_of_a_row(run.model.num_items)))


def _settle(future: Future[Any], work: Callable[[], Any]) -> None:
    try:
        found = work()
    except Exception as error:  # whatever it is belongs to who asked
        _fail([future], error)
    else:
        _resolve(future, found)


def _fail(futures: list[Future[Any]], error: Exception) -> None:
    if not isinstance(error, InputError):
        _LOG.error("a question could not be answered", exc_info=error)
    for future in futures:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)


def _resolve(future: Future[Any], found: Any) -> None:
    if future.set_running_or_notify_cancel():  # who asked may have gone
        future.set_result(found)
