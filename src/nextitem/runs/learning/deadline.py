"""A run within a time: its training ends between two epochs, as long as there is time left to evaluate."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.recipe import TrainingRecipe
from nextitem.training.budget import Budget
from nextitem.training.checkpoint import FitState
from nextitem.training.fit import is_over
from nextitem.training.loop import Track

FIRST_STEPS = 5  # of an epoch, and
FIRST_SECONDS = 5.0  # of it, by which its length can be told; the first step compiles, and is not among them


def was_cut(report: dict[str, Any]) -> bool:
    """Whether the time ended the training of a finished run, not its epochs or its patience."""
    training = report["recipe"]["training"]
    if training is None:
        return False
    state = FitState(report["epochs"], report["best_epoch"])
    return not is_over(state, training["epochs"], training["patience"], training["evaluate_every"])


class Deadline:
    """Asked after every epoch whether training ends here; it is cut where another validation would not fit."""

    def __init__(self, budget: Budget, training: TrainingRecipe, num_baselines: int, track: Track | None) -> None:
        # Validation and test cases once more, each baseline on the test cases, and room.
        self.budget = replace(budget, num_looks=3 + num_baselines)
        self.training, self._track = training, track
        self.notes: tuple[str, ...] = ()  # for the report
        self._state, self._since = FitState(), time.perf_counter()

    def __call__(self, state: FitState) -> bool:
        now, before = time.perf_counter(), self._state
        took, trained = now - self._since, state.seconds - before.seconds
        is_new = state.epoch == before.epoch + 1  # not the epochs of an earlier process
        self._state, self._since = state, now
        every, epochs = self.training.evaluate_every, self.training.epochs
        if not state.best_epoch or (state.epoch % every and state.epoch != epochs):
            return False
        if is_new:
            self.budget.saw(took - trained)
        if is_over(state, epochs, self.training.patience, every):
            return False
        if self.budget.fits((took if is_new else state.seconds / state.epoch) * every):
            return False
        self.notes = (f"training was cut after epoch {state.epoch} of {epochs}, when the time was over",)
        return True

    def track(self, batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        """The batches of an epoch, of which the first is refused once it is plain that it ends too late.

        Raises:
            InputError: the first validation would come when the time is over.
        """
        start = 0.0
        for number, batch in enumerate(self._track(batches, total) if self._track else batches):
            start = start if number != 1 else time.perf_counter()
            if number > FIRST_STEPS and not self._state.best_epoch:
                self._refuse_too_long(time.perf_counter() - start, number - 1, total)
            yield batch

    def _refuse_too_long(self, seconds: float, steps: int, total: int) -> None:
        every = self.training.evaluate_every
        left = (total - steps) + total * (every - 1 - self._state.epoch % every)
        if seconds < FIRST_SECONDS or self.budget.fits(seconds / steps * left):
            return
        raise InputError(
            f"the first validation comes after {every} {'epoch' if every == 1 else 'epochs'} of about "
            f"{seconds / steps * total:.0f} s, which is more than the time has left; give --time more"
        )
