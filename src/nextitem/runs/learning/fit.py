"""fit and run: to the end in one call, with a progress bar, for who does not look at every epoch or event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from nextitem.models.base import Trained
from nextitem.recipe import DataRecipe, Recipe
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.learning.bar import EpochBar
from nextitem.runs.learning.epochs import epochs
from nextitem.runs.learning.run import run as events
from nextitem.terminal import console
from nextitem.training.fit import Progress

__all__ = ["History", "events", "fit", "run"]

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class History:
    """What `ni.fit` has to tell: an epoch after the other, over which it is iterated; a closed form has none.

    history = ni.fit(model, split)
    print(history.best.valid, [progress.epoch.loss for progress in history])
    """

    epochs: tuple[Progress, ...]

    @property
    def best(self) -> Progress | None:
        """The epoch whose weights the model holds; None where nothing was trained by epochs."""
        return next((one for one in reversed(self.epochs) if one.is_best), None)

    def __iter__(self) -> Iterator[Progress]:
        return iter(self.epochs)

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        best = self.best
        if best is None:
            return "History(no epochs)"
        valid = ", ".join(f"{name} {value:.4f}" for name, value in (best.valid or {}).items() if name.endswith("@10"))
        return f"History({len(self)} epochs, the best {best.epoch.number}: {valid or 'not validated'})"


def _to_the_end(epochs: Callable[Arguments, Iterator[Progress]]) -> Callable[Arguments, History]:
    @wraps(epochs)
    def fit(*arguments: Arguments.args, **options: Arguments.kwargs) -> History:
        bar = EpochBar(console(stderr=True))
        options["track"] = options.get("track") or bar.track
        model = arguments[0] if arguments else options.get("model")
        if not isinstance(model, Trained):
            del options["track"]  # a closed form is fitted at once, and takes none
        return History(tuple(bar.heard(epochs(*arguments, **options))))

    fit.__name__ = fit.__qualname__ = "fit"
    return fit


fit = _to_the_end(epochs)
fit.__doc__ = """Train a model on a split to the end. The model then holds the weights of its best epoch.

        history = ni.fit(model, split)
        print(history.best)

    A progress bar stands on a terminal while it lasts. `ni.epochs` takes the same arguments, which it explains, and
    gives an epoch at a time instead. The best epoch is that with the highest `monitor` on the validation cases;
    training stops after `patience` validations without a better one, or after `epochs`. A model in closed form (EASE,
    ItemKNN, Popularity, ..) is fitted at once, takes no further argument, and has a history of no epochs. What is not
    given (batches, loss, negatives, optimizer, learning rate, ..) is as in the model's own recipe, so that this trains
    what `nextitem run` does.

    Raises:
        InputError: the data lacks what the model learns from; an argument that nothing would use or that excludes
            another; a metric with a longer list than there are items.
        NonFiniteLossError: training diverged.
    """


def run(
    recipe: Recipe, out: str | Path, *, again: bool = False, data: DataRecipe | None = None, refit: bool = False
) -> Run:
    """Read, split, train, evaluate beside the baselines, keep everything in the folder `out`, and open it.

        run = ni.run(ni.make_recipe({"model": {"name": "GRU4Rec"}, "data": {"source": "log.csv"}}), "runs/gru")
        print(run.report["test"], run.recommend([["50", "172"]]))

    It is `nextitem run`: a finished run of the same recipe in `out` is opened, not repeated; an interrupted one is
    continued, to the same weights as if it had not been interrupted; `again` starts over. `data` says where the data is
    now, if not where the recipe does. `refit` trains the model anew on all data, once it is evaluated, for as many
    epochs as were best; those weights are then the ones that recommend.
    `ni.events` takes the same and tells what happens while it does; what this gives can be iterated over afterwards.

    Raises:
        InputError: bad data, a folder of another run, or one that is in use.
        NonFiniteLossError: training diverged; the best weights so far are in `out`.
    """
    bar = EpochBar(console(stderr=True))
    told = tuple(bar.heard(events(recipe, out, again=again, track=bar.track, data=data, refit=refit)))
    opened = load(out, models=() if recipe.model.own is None else (recipe.model.own,))
    return replace(opened, events=told)
