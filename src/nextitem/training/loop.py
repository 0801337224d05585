"""train: gradient steps over batches, an Epoch at a time, on lightning-fabric.

A generator: early stopping is `break`, pruning is `return`, and nothing calls back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric

from nextitem.data.batches import Batch, Batches
from nextitem.errors import NonFiniteLossError
from nextitem.models.base import Trained

Track = Callable[[Iterable[Batch], int], Iterable[Batch]]


@dataclass(frozen=True)
class Epoch:
    number: int  # from 1
    loss: float  # mean over the steps
    seconds: float
    num_targets: int

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
    fabric: Fabric | None = None,
    track: Track | None = None,
) -> Iterator[Epoch]:
    """Train epochs `first` to `last`; after each one the model holds its weights.

    All randomness of an epoch (row order, dropout, negatives) comes from (seed, epoch number), so training that is
    continued equals training that never stopped, bit for bit. `track` wraps the batches, to show progress.

    Raises:
        NonFiniteLossError: the loss of a step was NaN or infinite; the step is named and was not taken.
    """
    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    wrapped.mark_forward_method("loss")
    for number in range(first, last + 1):
        start, losses = time.perf_counter(), []
        model.train()
        with torch.random.fork_rng():
            torch.manual_seed(int(np.random.SeedSequence((seed, number)).generate_state(1)[0]))
            steps = batches.epoch(number)
            for step, batch in enumerate(track(steps, len(batches)) if track else steps, start=1):
                wrapped_optimizer.zero_grad(set_to_none=True)
                loss = wrapped.loss(batch.to(fabric.device))
                value = loss.item()
                if not math.isfinite(value):
                    raise NonFiniteLossError(
                        f"the loss was {value} at step {step} of epoch {number}; training stopped before that step. "
                        "Lower training.learning_rate or set training.clip_norm"
                    )
                fabric.backward(loss)
                if clip_norm is not None:
                    fabric.clip_gradients(wrapped, wrapped_optimizer, max_norm=clip_norm)
                wrapped_optimizer.step()
                losses.append(value)
        yield Epoch(number, sum(losses) / len(losses), time.perf_counter() - start, batches.num_targets)
