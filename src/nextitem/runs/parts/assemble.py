"""From a recipe to a training: the one place where the keys of a recipe become the arguments of `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.processes import ALONE, Processes
from nextitem.recipe import Recipe
from nextitem.runs.parts import build
from nextitem.runs.parts.metrics import choose_metrics, choose_monitor
from nextitem.training.checkpoint import FitState
from nextitem.training.fit import Progress, fit
from nextitem.training.loop import Track
from nextitem.training.profile import Profile
from nextitem.training.refit import RefitEpoch, refit


def fit_recipe(
    recipe: Recipe,
    model: Trained,
    split: Split,
    folder: Path,
    *,
    metrics: Sequence[str] | None = None,
    processes: Processes = ALONE,
    track: Track | None = None,
    profile: Profile | None = None,
    log: Callable[[Progress], None] | None = None,
    ends: Callable[[FitState], bool] | None = None,
    mark: str = "",
) -> Iterator[Progress]:
    """Train `model`, which build_model made of the recipe, as the recipe says; see `fit` for what is yielded and kept.

    A training that `folder` has begun is continued. `metrics` are those of the validations, by default the recipe's.
    The threads are set already (take_threads).
    """
    training, evaluation = recipe.training, recipe.evaluation
    assert training is not None  # make_recipe gives every model that is trained one
    refuse_cut(model, training.accumulate, processes.size)
    batches = build.build_batches(training, model, split, recipe.seed)
    protocol = build.build_protocol(evaluation, recipe.seed)
    num_ranked = protocol.num_ranked(split.num_items)
    return fit(
        model, split, batches,
        epochs=training.epochs, patience=training.patience, monitor=choose_monitor(recipe, num_ranked)[0],
        metrics=choose_metrics(recipe, num_ranked)[0] if metrics is None else metrics,
        evaluate_every=training.evaluate_every, protocol=protocol,
        memory=build.build_memory(evaluation, split.num_items),
        optimizer=build.build_optimizer(training, model), clip_norm=training.clip_norm, seed=recipe.seed,
        accumulate=training.accumulate, schedule=build.build_schedule(training, batches),
        fabric=build.build_fabric(training, processes, _learns_in_part(model)), processes=processes,
        is_sharded=build.is_sharded(training, processes), average=build.build_average(training, model), folder=folder,
        resume=True, track=track, profile=profile,
        log=log, ends=ends, mark=mark,
    )  # fmt: skip


def refit_recipe(
    recipe: Recipe,
    model: Trained,
    split: Split,
    folder: Path,
    epochs: int,
    *,
    lowered: Sequence[int] = (),
    processes: Processes = ALONE,
    track: Track | None = None,
    mark: str = "",
) -> Iterator[RefitEpoch]:
    """Train `model` on the rows of `split` for so many `epochs` as the recipe says, without validation; see `refit`.

    The schedule spans the epochs of the recipe, as in the training that chose `epochs`.
    """
    training = recipe.training
    assert training is not None
    refuse_cut(model, training.accumulate, processes.size)
    batches = build.build_batches(training, model, split, recipe.seed)
    return refit(
        model, batches, epochs,
        optimizer=build.build_optimizer(training, model), clip_norm=training.clip_norm, accumulate=training.accumulate,
        schedule=build.build_schedule(training, batches), lowered=lowered, seed=recipe.seed,
        fabric=build.build_fabric(training, processes, _learns_in_part(model)), processes=processes,
        is_sharded=build.is_sharded(training, processes), average=build.build_average(training, model),
        evaluate_every=training.evaluate_every, folder=folder, track=track, mark=mark,
    )  # fmt: skip


def _learns_in_part(model: Trained) -> bool:
    """Whether a step may not reach every parameter."""
    return model.learns_in_part or model.wanted().turns is not None


def refuse_cut(model: Trained, accumulate: int, num_processes: int = 1) -> None:
    """Raises:
    InputError: a batch would be cut into parts, and the loss of the model compares its rows with each other.
    """
    if model.compares_rows and (accumulate > 1 or num_processes > 1):
        raise InputError(
            f"{type(model).__name__} compares the rows of a batch with each other, so that it cannot be cut into "
            "parts; leave training.accumulate at 1, and train in one process"
        )
