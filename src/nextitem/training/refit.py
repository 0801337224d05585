"""refit: train for a number of epochs that was chosen before, on all data, without validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path

import torch
from lightning_fabric import Fabric

from nextitem.data.batches import Batches
from nextitem.models.base import Trained
from nextitem.processes import ALONE, Processes
from nextitem.training.averaging import Average
from nextitem.training.checkpoint import FitState, load_checkpoint, save_checkpoint
from nextitem.training.fit import is_validated
from nextitem.training.loop import Epoch, Track, train
from nextitem.training.moments import streams_with_moments
from nextitem.training.schedules import Schedule
from nextitem.training.share import seen_by_first

REFIT = "refit.safetensors"
REFIT_CHECKPOINT = "refit-checkpoint.safetensors"


@dataclass(frozen=True)
class RefitEpoch:
    """An epoch of a training that nothing validates."""

    epoch: Epoch
    state: FitState  # its best_epoch is 0: none is chosen


def refit(
    model: Trained,
    batches: Batches,
    epochs: int,
    *,
    optimizer: torch.optim.Optimizer,
    clip_norm: float | None = None,
    accumulate: int = 1,
    schedule: Schedule | None = None,
    lowered: Sequence[int] = (),
    seed: int = 0,
    fabric: Fabric | None = None,
    processes: Processes = ALONE,
    is_sharded: bool = False,
    average: Average | None = None,
    evaluate_every: int = 1,
    folder: Path | None = None,
    track: Track | None = None,
    mark: str = "",
) -> Iterator[RefitEpoch]:
    """Yield after every epoch up to `epochs`; then the model holds the weights of the last one.

    The `schedule` is that of the training that chose `epochs`: it spans as many epochs as that was to have, and is left
    where it stands after `epochs`. What a plateau makes of validations is told by `lowered`: how often the learning
    rate had been lowered before each epoch. With a `folder` a checkpoint is kept in it, from which a training that was
    begun is continued, to the same weights as one that never stopped, if it has the same `mark`. The `average` of the
    weights is then what the model holds; one over validations counts an epoch in `evaluate_every`.
    """
    schedule = schedule or Schedule()
    state = FitState()
    if folder is not None:
        with seen_by_first(folder / REFIT_CHECKPOINT, processes) as checkpoint:
            if lexists(checkpoint):
                state = load_checkpoint(checkpoint, model, optimizer, mark, streams_with_moments(model), average)
    if state.epoch >= epochs:
        _apply(average)
        return
    steps = train(
        model, batches, optimizer, first=state.epoch + 1, last=epochs,
        seed=seed, clip_norm=clip_norm, accumulate=accumulate, fabric=fabric, processes=processes,
        is_sharded=is_sharded, track=track, average=average,
        rate=lambda epoch, step: schedule.factor(epoch, step, lowered[epoch - 1] if lowered else 0),
    )  # fmt: skip
    for epoch in steps:
        state = replace(state, epoch=epoch.number, seconds=state.seconds + epoch.seconds)
        if average is not None and is_validated(model, epoch.number, evaluate_every, epochs):
            average.before_validation()
        if folder is not None:
            save_checkpoint(folder / REFIT_CHECKPOINT, model, optimizer, state, processes.is_first, mark, average)
        yield RefitEpoch(epoch, state)
    _apply(average)


def _apply(average: Average | None) -> None:
    if average is not None:
        average.apply()
