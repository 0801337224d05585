"""epochs: a model and a split, and the model learns; what is not said is as in the model's recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric

from nextitem.data.batches import Batches, RowBatches, asked_of, find_batches
from nextitem.data.splits.split import Split
from nextitem.errors import InputError, expect
from nextitem.evaluation.protocol import Protocol
from nextitem.models.base import Fitted, Recommender, Trained
from nextitem.models.catalogue import MODELS
from nextitem.models.strangers import forget_strangers
from nextitem.models.towers import TowerFree
from nextitem.nn.objectives import Objective
from nextitem.processes import ALONE
from nextitem.recipe import AverageName, LossRecipe, ModelRecipe, Recipe, TrainingRecipe, make_recipe, with_training
from nextitem.recipe.checks import with_batch_keys, with_loss_keys
from nextitem.recipe.suiting import suited
from nextitem.runs.parts import build
from nextitem.runs.parts.assemble import refuse_cut
from nextitem.runs.parts.metrics import choose_metrics, choose_monitor
from nextitem.runs.parts.objectives import make_objective
from nextitem.training import fit as trainings
from nextitem.training.fit import Progress
from nextitem.training.loop import Track
from nextitem.training.profile import Profile
from nextitem.training.schedules import Schedule
from nextitem.training.share import fit_once


def epochs(
    model: Recommender,
    split: Split,
    batches: Batches | None = None,
    *,
    objective: Objective | None = None,
    recipe: Recipe | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    monitor: str | None = None,
    metrics: Sequence[str] | None = None,
    evaluate_every: int | None = None,
    clip_norm: float | None = None,
    accumulate: int | None = None,
    average: AverageName | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    schedule: Schedule | None = None,
    protocol: Protocol | None = None,
    memory: int | None = None,
    seed: int | None = None,
    fabric: Fabric | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    track: Track | None = None,
    profile: Profile | None = None,
    log: Callable[[Progress], None] | None = None,
) -> Iterator[Progress]:
    """Train a model on a split, an epoch at a time, for who looks at each; `ni.fit` is the same to the end.

        for progress in ni.epochs(model, split):
            print(progress.epoch.number, progress.epoch.loss, progress.valid)

    Nothing is trained before it is iterated over. When the iteration ends, the model holds the weights of its best
    epoch: that with the highest `monitor` on the validation cases. Training stops after `patience` validations without
    a better one, or after `epochs`. A model in closed form (EASE, ItemKNN, Popularity, ..) is fitted at once, takes no
    further argument, and gives no epoch.

    What is not given is as in `recipe`, and without one as in the model's own (`nextitem models NAME` shows it): the
    kind and size of batches, the loss with its sampler, optimizer, learning rate, schedule, epochs, patience, metrics.
    So `ni.epochs(ni.models.NCF(..), split)` trains as `nextitem run -m NCF` does on data of your own. A subclass goes
    by the recipe of its base. A model without a recipe takes the first kind of batches that it `trains_on`, and
    cross-entropy over all items, or where its scores are no inner products binary cross-entropy with one uniform
    negative. An `objective` that you set on the model yourself stays.

    `protocol`, `monitor` and `metrics` are of the validations. With a `folder` the best weights and a checkpoint are
    kept in it, and `resume` continues from them, to the same weights as if training had never stopped. `log` is
    called with every epoch before its checkpoint is written. `memory` are bytes that ranking may use. It computes on
    the CPU, unless the recipe's `training.device` or a `fabric` says otherwise.

    Raises:
        InputError: the data lacks what the model learns from; an argument that nothing would use or that excludes
            another; a metric with a longer list than there are items.
        NonFiniteLossError: training diverged; raised while it is iterated over.
    """
    keys = _given(
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, patience=patience, monitor=monitor,
        evaluate_every=evaluate_every, clip_norm=clip_norm, accumulate=accumulate, average=average,
    )  # fmt: skip
    parts = _given(
        batches=batches, objective=objective, recipe=recipe, metrics=metrics, optimizer=optimizer, schedule=schedule,
        protocol=protocol, memory=memory, seed=seed, fabric=fabric, folder=folder, resume=resume or None, track=track,
        profile=profile, log=log,
    )  # fmt: skip
    expect("model", model, Recommender, "make one: ni.models.SASRec(split.num_items)")
    expect("split", split, Split, "make one with ni.split.leave_one_out(dataset)")
    _refuse_other_data(model, split)
    if not isinstance(model, Trained):
        _fit_at_once(model, split, [*keys, *parts])
        return iter(())
    _refuse_twice(keys, parts)
    recipe = with_training(_recipe_for(model, recipe, split), keys)
    training, seed = recipe.training, recipe.seed if seed is None else seed
    assert training is not None  # with_training gives one
    refuse_cut(model, training.accumulate)
    model.prepare(split.training_data)
    if not model.has_learned:
        forget_strangers(model, split.training_data)
    batches = batches or build.build_batches(training, model, split, seed)
    _take_objective(model, objective, recipe, split, batches, seed)
    protocol = protocol or build.build_protocol(recipe.evaluation, seed)
    num_ranked = protocol.num_ranked(split.num_items)
    if recipe.model.name in MODELS:
        monitor = choose_monitor(recipe, num_ranked)[0]
        metrics = choose_metrics(recipe, num_ranked)[0] if metrics is None else metrics
    return trainings.fit(
        model, split, batches, epochs=training.epochs, patience=training.patience, monitor=monitor, metrics=metrics,
        evaluate_every=training.evaluate_every, protocol=protocol,
        memory=build.build_memory(recipe.evaluation, split.num_items) if memory is None else memory,
        optimizer=optimizer or build.build_optimizer(training, model), clip_norm=training.clip_norm,
        accumulate=training.accumulate, schedule=schedule or build.build_schedule(training, batches), seed=seed,
        fabric=fabric or build.build_fabric(training), average=build.build_average(training, model),
        folder=None if folder is None else Path(folder), resume=resume, track=track, profile=profile, log=log,
    )  # fmt: skip


def _given(**arguments: object) -> dict[str, object]:
    return {name: value for name, value in arguments.items() if value is not None}


def _refuse_other_data(model: Recommender, split: Split) -> None:
    name = type(model).__name__
    if model.num_items != split.num_items:
        raise InputError(
            f"{name} was made for {model.num_items:,} items, and the split has {split.num_items:,}; make it with "
            "num_items=split.num_items"
        )
    split.training_data.refuse_missing(model.needs, name)


def _fit_at_once(model: Recommender, split: Split, given: Sequence[str]) -> None:
    name = type(model).__name__
    if not isinstance(model, Fitted):
        raise InputError(f"{name} is neither Trained nor Fitted, so there is no way to fit it; inherit one of the two")
    if given:
        raise InputError(f"{name} is fitted in one go, and takes no {given[0]}; leave it out")
    fit_once(model, split.training_data, ALONE)


def _refuse_twice(keys: dict[str, object], parts: dict[str, object]) -> None:
    for part, key in (("batches", "batch_size"), ("optimizer", "learning_rate")):
        if part in parts and key in keys:
            raise InputError(f"{key} says what the given {part} decided already; leave one of the two out")


def _recipe_for(model: Trained, given: Recipe | None, split: Split) -> Recipe:
    """The given recipe, else that of the nearest class with a name in the catalogue for so many users, else one of the
    defaults."""
    if given is not None:
        if given.training is None or not isinstance(model, MODELS.get(given.model.name, Trained)):
            raise InputError(f"the recipe is one of {given.model.name}, and the model is {type(model).__name__}")
        return given
    names = {known: name for name, known in MODELS.items()}
    name = next((names[kind] for kind in type(model).__mro__ if kind in names), None)
    if name is not None:
        own = make_recipe({"model": {"name": name}, "data": {"source": "any"}})  # of no data set with its own recipe
        met = split.train.num_interactions + len(split.valid) + len(split.test)
        return suited(own, len(split.train), met / max(len(split.train), 1))[0]
    loss = LossRecipe(name="bce" if isinstance(model, TowerFree) else "cross_entropy")
    return Recipe(
        model=ModelRecipe(name=type(model).__name__),
        loss=with_loss_keys(loss) if model.takes_objective else None,
        training=with_batch_keys(TrainingRecipe(batches=model.trains_on[0])),
    )


def _take_objective(
    model: Trained, objective: Objective | None, recipe: Recipe, split: Split, batches: Batches, seed: int
) -> None:
    """Give the model the objective, else that of the recipe, unless the user has set one."""
    if objective is not None:
        if not model.takes_objective:
            raise InputError(f"{type(model).__name__} has a loss of its own, and takes no objective; leave it out")
        model.objective = objective
    elif model.takes_objective and model.objective.is_default and recipe.loss is not None:
        assert recipe.training is not None
        kind, least = find_batches(recipe.training.batches), build.least_asked(recipe.training, split)
        if isinstance(batches, RowBatches):
            kind, least = type(batches), batches.target_rating
        targets = asked_of(kind.targets_of(split.train, model.max_length), least)
        model.objective = make_objective(recipe.loss, split, targets, seed)
        model.objective.is_default = True
