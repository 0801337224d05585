"""Pace: how long the epochs of a training take, what that makes of all of them, and what would make them shorter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender, Trained
from nextitem.recipe import Recipe

WORTH_SAYING = 30.0  # seconds that a run takes at the least, for an estimate of it
LONG = 600.0  # seconds an epoch, from which on the ways out are named
WATCHED = 30.0  # seconds of batches, after which an epoch's length is told


@dataclass
class Pace:
    """Watches the batches of each epoch. The time of the first one counts as that of the others, since what is
    compiled or set up once is in it."""

    say: Callable[[str], None]
    recipe: Recipe | None = None  # until a training begins; a finished run that is refitted has none
    model: Recommender | None = None
    clock: Callable[[], float] = time.perf_counter
    done: int = 0  # epochs that an earlier process trained
    _is_estimated: bool = field(default=False, init=False)
    _is_warned: bool = field(default=False, init=False)
    _steps: float = field(default=0.0, init=False)  # seconds of the last epoch's batches
    _ended: float = field(default=0.0, init=False)

    def begin(self, recipe: Recipe, model: Recommender, done: int) -> None:
        """The training whose epochs follow."""
        self.recipe, self.model, self.done = recipe, model, done

    def track(self, batches: Iterable[Batch], total: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        start = self.clock()
        for number, batch in enumerate(batches):
            yield batch
            passed = self.clock() - start
            if number == 0 and total > 1:
                start += passed  # of the others' mean instead
                continue
            self._steps = passed * total / max(number, 1)
            if not self._is_warned and passed >= WATCHED and self._steps > LONG:
                self._warn(self._steps)
        self._ended = self.clock()

    def epoch_ended(self, number: int, is_validated: bool) -> None:
        """An epoch is trained and, where it was its turn, validated."""
        training = self.recipe.training if self.recipe else None
        if self._is_estimated or training is None:
            return
        self._is_estimated = True
        seconds = self._steps + (self.clock() - self._ended)
        if not self._is_warned and seconds > LONG:
            self._warn(seconds)
        left = training.epochs - self.done
        if left * seconds > WORTH_SAYING and number < training.epochs:
            epochs = f"at most {left:,} {'more ' if self.done else ''}epochs"
            beside = "" if is_validated else ", validations not counted"
            self.say(f"{epochs}: about {duration(left * seconds)}{beside}; early stopping may end it sooner")

    def _warn(self, seconds: float) -> None:
        if self.recipe is None or self.model is None:
            return
        self._is_warned = True
        ways = "; ".join(ways_out(self.recipe, self.model))
        self.say(f"an epoch takes about {duration(seconds)}" + (f"; what makes it shorter: {ways}" if ways else ""))


def ways_out(recipe: Recipe, model: Recommender) -> list[str]:
    """What of a recipe could be changed for shorter epochs, by the options that change it."""
    training, ways = recipe.training, list[str]()
    if training is None or not isinstance(model, Trained):
        return ways
    if training.batches == "prefix" and "next_item" in model.trains_on:
        ways.append("--training.batches next_item in place of prefix")
    if recipe.model.arguments.get("contrast", "none") != "none":
        ways.append("--model.contrast none")
    if model.max_length is not None and "max_length" in recipe.model.arguments and model.max_length > 1:
        ways.append(f"a smaller --max-length than {model.max_length}")
    if recipe.loss is not None and recipe.loss.name == "cross_entropy":
        ways.append("a sampled loss, --loss bce --num-negatives 256")
    if training.device == "cpu":
        ways.append("a GPU, --device cuda")
    return ways


def duration(seconds: float) -> str:
    """In the unit that fits.

    >>> [duration(seconds) for seconds in (31.4, 89, 95, 720, 5400, 36_000, 400_000)]
    ['31 s', '89 s', '2 min', '12 min', '1.5 h', '10 h', '4.6 days']
    """
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    unit, name = (3600, "h") if seconds < 2 * 86_400 else (86_400, "days")
    return f"{seconds / unit:.{int(seconds < 10 * unit)}f}".removesuffix(".0") + f" {name}"
