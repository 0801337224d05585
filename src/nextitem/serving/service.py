"""Service: a run that answers, the sessions that it keeps, and how another run takes its place."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isfinite
from os.path import lexists
from pathlib import Path
from threading import Lock
from typing import Any

from nextitem.errors import InputError
from nextitem.models.catalogue import MODELS
from nextitem.models.own import Given
from nextitem.models.streaming import Streaming
from nextitem.runs.asking.explain import Explainer, Explanation, has_paths
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.folder.histories import HISTORIES
from nextitem.serving.card import card
from nextitem.serving.collecting import set_aside_anew
from nextitem.serving.engine import Engine
from nextitem.serving.limits import Limits
from nextitem.serving.meters import Meters
from nextitem.serving.sessions import Sessions
from nextitem.serving.shelf import Shelf
from nextitem.serving.telling import line_of

_LOG = logging.getLogger(__name__)


class CannotError(Exception):
    """What is asked is not what this run can do; the message says which can."""


@dataclass(frozen=True)
class Opening:
    """How the run is opened, now and whenever it is loaded again."""

    place: Path  # a run folder, a link to one, or a bundle
    name: str
    models: Sequence[Given] = ()
    data: str | None = None  # where its data is now, for explanations
    ann: bool = False  # refuse a run without an index

    def open(self) -> Run:
        """The run, which has answered a first question: it is whole, and what it needs is compiled.

        Raises:
            InputError: it is no run, a damaged one, or it answers nothing.
        """
        return self.proved(self.load())

    def load(self) -> Run:
        """The run, which has computed nothing yet, so that a process that holds it may be forked.

        Raises:
            InputError: it is no run, or a damaged one.
        """
        run = load(self.place.resolve(), models=self.models)
        # Held from here on, whatever comes to stand in the folder.
        _ = run.titles, run.histories if lexists(run.folder / HISTORIES) else None
        return run

    def proved(self, run: Run) -> Run:
        """A run that was loaded, once it has answered a first question.

        Raises:
            InputError: it answers nothing.
        """
        for score in _first_answer(run, self.ann):
            if not isfinite(score):
                raise InputError(f"{self.place} scores an item with {score}, which ranks nothing; train it again")
        return run


def _first_answer(run: Run, ann: bool) -> list[float]:
    """Scores of a question of the kind that the model takes."""
    wanted, item = run.model.wanted(), run.items.ids([1])
    times = [[1]] if wanted.times or wanted.asked_at else None
    ratings = [[1.0]] if wanted.ratings else None
    user = run.users.ids([1]) if run.model.knows_users else None
    found = run.recommend([item], 1, users=user, times=times, ratings=ratings, exclude_seen=False, ann=ann)
    return found[0].scores


@dataclass(frozen=True)
class Workers:
    """The processes that answer at one address, of which this is one."""

    num: int = 1
    overseer: int = 0  # the process that starts them
    run: Run | None = None  # which it had loaded before they were forked, so that they share its memory

    def refuse_many(self, what: str, way_out: str) -> None:
        """Raises CannotError where others answer, too, who know nothing of what one of them is told."""
        if self.num > 1:
            raise CannotError(f"{self.num} processes answer here, and {what}; {way_out}")


ALONE = Workers()


class Service:
    def __init__(
        self, opening: Opening, limits: Limits, *, window: float = 0.002, batched: bool = True, workers: Workers = ALONE
    ) -> None:
        """Raises InputError where the run cannot be opened."""
        self.opening, self.limits, self.meters, self.workers = opening, limits, Meters(), workers
        run = opening.open() if workers.run is None else opening.proved(workers.run)
        self.sessions = Sessions(limits)
        self.engine = Engine(
            run, window=window, batched=batched, waiting=limits.waiting, saw=self.meters.saw_batch,
            tidy=self.sessions.forget_old,
        )  # fmt: skip
        self.shelf, self._card = Shelf(run), self._card_of(run)
        self.is_ready = True
        self.aside = ThreadPoolExecutor(2, thread_name_prefix="nextitem-aside")  # for what does not wait for the model
        self.explaining = ThreadPoolExecutor(1, thread_name_prefix="nextitem-explain")  # which may read data for long
        self.num_aside = 0
        self._explainer: tuple[Run, Explainer] | None = None  # of the run that it was opened for
        self._reloading = Lock()
        self.meters.watch(lambda: self.engine.num_waiting, lambda: len(self.sessions))

    @property
    def run(self) -> Run:
        """The run that answers now."""
        return self.engine.run

    @property
    def card(self) -> dict[str, Any]:
        """See `card`; of the run as it was opened, whatever has become of its folder."""
        return self._card

    def _card_of(self, run: Run) -> dict[str, Any]:
        found = card(run, self.opening.name, self.limits, has_index=self.opening.ann)
        found["has"]["sessions"] &= self.workers.num == 1
        return found

    def explain(self, user: object, items: list[str] | None, k: int, paths: int) -> list[Explanation]:
        """By the paths of the knowledge graph; the data is read at the first question. In the thread `explaining`.

        Raises:
            CannotError: the run has no graph whose edges it weighs, or its data is not at hand.
            InputError: the user or an item is not known.
        """
        run = self.run
        if not has_paths(run.model):
            raise CannotError(
                f"{run.recipe.model.label} has no knowledge graph whose edges it weighs, so there are no paths to "
                "explain by; serve a run of a knowledge model, such as CKE"
            )
        held = self._explainer
        if held is None or held[0] is not run:
            try:
                held = run, Explainer.open(run.folder, self.opening.data, self.opening.models)
            except InputError as error:
                raise CannotError(f"the run's data, which explanations are made of, is not at hand: {error}") from error
            self._explainer = held
        return held[1].explain(user, items, top=k, paths=paths)

    def follow(self, run: Run) -> None:
        """Raises CannotError where the run's model does not read item by item, or several processes answer."""
        self.workers.refuse_many(
            "a session is in the memory of one", "send the whole history to /recommend, or serve with --workers 1"
        )
        if not isinstance(run.model, Streaming):
            able = ", ".join(name for name, model in MODELS.items() if issubclass(model, Streaming))
            raise CannotError(
                f"{run.recipe.model.label} cannot read item by item, so it keeps no sessions; send the whole history "
                f"to /recommend, or serve a run of one of {able}"
            )

    def reload(self) -> tuple[Run, float]:
        """Open what stands at the run's place now, and let it answer once it proved whole; what was asked before is
        answered by the run from before. The new run, and the seconds that it took.

        Raises:
            CannotError: it is not whole, and the run from before goes on; or another reload is under way, or several
                processes answer.
        """
        way_out = f"send SIGHUP to process {self.workers.overseer}, which replaces all of them (kill -HUP)"
        self.workers.refuse_many("each has the run", way_out)
        if not self._reloading.acquire(blocking=False):
            raise CannotError("a reload is under way already; wait for its end")
        try:
            start = time.perf_counter()
            run = self.opening.open()
            self.shelf, self._card, self._explainer = Shelf(run), self._card_of(run), None
            self.engine.run = run
            set_aside_anew()
            self.meters.saw_reload(True)
            return run, time.perf_counter() - start
        except Exception as error:  # whatever it is, the run from before answers
            self.meters.saw_reload(False)
            told = f"{line_of(error)}; the run from before goes on"
            _LOG.error(told)
            raise CannotError(told) from error
        finally:
            self._reloading.release()

    def stop(self) -> None:
        """Answer what waits, and end."""
        self.is_ready = False
        self.engine.stop()
        for pool in (self.aside, self.explaining):
            pool.shutdown(cancel_futures=True)
