"""train: gradient steps over batches, an Epoch at a time, on lightning-fabric.

A generator: early stopping is `break`, pruning is `return`, and nothing calls back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from nextitem.data.batches import Batch, Batches, RowBatches, of_steps
from nextitem.errors import InputError, NonFiniteLossError
from nextitem.models.base import Trained
from nextitem.models.scoring import agreed
from nextitem.models.towers import ItemTower
from nextitem.nn.kernels.choose import NARROW
from nextitem.nn.kernels.waiting import WAITING
from nextitem.nn.samplers.base import Sampler
from nextitem.processes import ALONE, Processes
from nextitem.training.allocator import keep_freed_memory
from nextitem.training.averaging import Average
from nextitem.training.clipping import clip_gradients
from nextitem.training.means import Means
from nextitem.training.moments import give_each, moments_of_stream, streams_with_moments
from nextitem.training.profile import NoProfile, Profile
from nextitem.training.sharding import gather, shard
from nextitem.training.share import Loss, share_of

Rate = Callable[[int, int], float]  # epoch and step, from 1 -> what the learning rate is multiplied by
Track = Callable[[Iterable[Batch], int], Iterable[Batch]]


@dataclass(frozen=True)
class Epoch:
    """An epoch of training: its number, its loss, and what it took."""

    number: int  # from 1
    loss: float  # mean over the steps; of streams in turn the sum of each one's mean over its own
    seconds: float
    num_targets: int
    learning_rate: float  # of the last step
    parts: dict[str, float] = field(default_factory=dict)  # each one's mean over its steps; of a loss of one part none

    @property
    def targets_per_second(self) -> float:
        return self.num_targets / self.seconds


def train(
    model: Trained,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    *,
    first: int = 1,
    last: int,
    seed: int = 0,
    clip_norm: float | None = None,
    accumulate: int = 1,
    rate: Rate | None = None,
    fabric: Fabric | None = None,
    processes: Processes = ALONE,
    is_sharded: bool = False,
    track: Track | None = None,
    profile: Profile | None = None,
    average: Average | None = None,
) -> Iterator[Epoch]:
    """Train epochs `first` to `last`; after each one the model holds its weights.

    All randomness of an epoch (row order, dropout, negatives) comes from (seed, epoch number), so training that is
    continued equals training that never stopped, bit for bit. A step takes the gradient of `accumulate` batches, which
    is that of one batch with the rows of all. Of several `processes` each takes its share of the rows of every batch;
    together they take the steps of one, and with `is_sharded` each keeps but a part of what training needs. `track`
    wraps the batches, to show progress; `profile` takes the time of every phase; an `average` is told of every step.

    Where a model takes turns (`Turns`), a step is of one stream, with the loss of that stream and, unless they are
    shared, its own moments in the optimizer.

    Raises:
        InputError: the model takes turns, and the batches are of rows alone; or it draws negatives on a device without
            float64.
        NonFiniteLossError: the loss of a step was NaN or infinite, or a gradient that is clipped; it was not taken.
    """
    keep_freed_memory()
    if isinstance(model, ItemTower):
        model.scorer = agreed(model.scorer, model.objective.asked_scorer, type(model).__name__)
    _refuse_rows_alone(model, batches)
    batches, streams = of_steps(batches, accumulate), streams_with_moments(model)
    give_each(optimizer, streams)
    fabric, profile = fabric or Fabric(accelerator="cpu", devices=1), profile or NoProfile()
    _refuse_narrow(model, fabric.device)
    if is_sharded:
        wrapped, wrapped_optimizer = shard(model, optimizer, fabric, processes.size)
    else:
        wrapped, wrapped_optimizer = fabric.setup(Loss(model), optimizer)
    for number in range(first, last + 1):
        start, losses = time.perf_counter(), Means()
        wrapped.train()
        model.has_learned = True
        with torch.random.fork_rng(), profile.watching(model):
            torch.manual_seed(int(np.random.SeedSequence((seed, number, processes.rank)).generate_state(1)[0]))
            model.begin_epoch(number)
            _refresh_negatives(model)
            steps = batches.epoch(number)
            profile.start()
            groups = _groups(track(steps, len(batches)) if track else steps, accumulate)
            for step, group in enumerate(groups, start=1):
                if rate is not None:
                    _set_learning_rate(optimizer, rate(number, step))
                WAITING.adapt()
                wrapped_optimizer.zero_grad(set_to_none=True)
                loss = _backward(fabric, wrapped, model, group, processes, profile, losses)
                if not math.isfinite(loss):
                    raise NonFiniteLossError(
                        f"the loss was {loss} at step {step} of epoch {number}; training stopped before that step. "
                        "Lower training.learning_rate or set training.clip_norm"
                    )
                if clip_norm is not None:
                    clip_gradients(fabric, wrapped, wrapped_optimizer, clip_norm)
                with moments_of_stream(optimizer, group[0].stream, streams):
                    wrapped_optimizer.step()
                if average is not None:
                    average.after_step()
                profile.lap("optimizer")
                losses.end_step(group[0].stream, loss)
        if is_sharded:
            gather(wrapped, model)
        seconds, learning_rate = time.perf_counter() - start, optimizer.param_groups[0]["lr"]
        yield Epoch(number, losses.loss, seconds, batches.num_targets, learning_rate, losses.parts)


def _refuse_narrow(model: Trained, device: torch.device) -> None:
    samplers = [type(part).__name__ for part in model.modules() if isinstance(part, Sampler)]
    if device.type in NARROW and samplers:
        raise InputError(
            f"training.device: {device.type} has no float64, in which {samplers[0]} draws negatives; take cpu, or a "
            "loss without negatives, such as cross_entropy"
        )


def _refuse_rows_alone(model: Trained, batches: Batches) -> None:
    if model.wanted().turns is not None and isinstance(batches, RowBatches):
        raise InputError(
            f"{type(model).__name__} takes steps over triples in turn with those over rows, and "
            f"{type(batches).__name__} has rows alone; let make_batches make them, with wanted=model.wanted()"
        )


def _groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """Runs of `size` batches of one stream; the last of a turn may be shorter."""
    for _, turn in groupby(batches, lambda batch: batch.stream):
        while group := list(islice(turn, size)):
            yield group


def _backward(
    fabric: Fabric,
    wrapped: Any,
    model: Trained,
    group: list[Batch],
    processes: Processes,
    profile: Profile,
    losses: Means,
) -> float:
    """Leave the gradient of the batches' common loss in the parameters; the loss, the same in all processes."""
    total = 0.0
    for batch, part in zip(group, _parts(model, group), strict=True):
        own, share = share_of(batch, model, processes)
        own = own.to(fabric.device)
        profile.lap("batching")
        loss, parts = wrapped(own.tensors(), share * part)
        total += processes.total(loss.item())  # of the whole batch, and so not finite in all or none
        for name, value in parts.items():
            losses.add_part(name, processes.total(value.item()))
        profile.lap("loss")
        if not math.isfinite(total):
            break  # no step will be taken
        fabric.backward(loss * processes.size)  # gradients are averaged over the processes
        profile.lap("backward")
    return total


def _parts(model: Trained, group: list[Batch]) -> list[float]:
    """How much of the loss of all batches together is each one's: its share of the terms."""
    if len(group) == 1:
        return [1.0]
    terms = [model.num_terms(batch) for batch in group]
    return [one / sum(terms) for one in terms]


def _set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def _refresh_negatives(model: Trained) -> None:
    """Bring what draws negatives by item vectors up to date: from the weights and the epoch's seed alone.

    Nothing is carried over from the epoch before, so that a continued training refreshes to the same.
    """
    if isinstance(model, ItemTower) and model.objective.needs_vectors:
        with torch.no_grad():
            model.objective.refresh(model.mapped_vectors())
