"""Profile: where the time of a training step goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import nn

Phase = Literal["batching", "forward", "loss", "backward", "optimizer"]


class Profile:
    """Seconds spent in each phase: `lap` gives the time since the one before to the phase that it names.

    `loss` is the objective; of a model that does not call one as a module, it is part of `forward`. With several
    processes, waiting for the others' gradients is part of `backward`, and for their losses part of `loss`.
    """

    def __init__(self) -> None:
        self.seconds: dict[Phase, float] = dict.fromkeys(get_args(Phase), 0.0)
        self.num_steps = 0
        self.last, self.last_phase = 0.0, "optimizer"

    def start(self) -> None:
        """What came before is nobody's: the time between epochs."""
        self.last = _now()

    def lap(self, phase: Phase) -> None:
        if phase == "loss" and self.last_phase == "batching":
            phase = "forward"  # nothing told the two apart
        now = _now()
        self.seconds[phase] += now - self.last
        self.last, self.last_phase = now, phase
        self.num_steps += phase == "optimizer"

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Tell the objective of the model from the rest of its loss, until the block ends."""
        objective = model._modules.get("objective")
        if objective is None:
            yield
            return
        before = objective.register_forward_pre_hook(lambda *_: self.lap("forward"))
        after = objective.register_forward_hook(lambda *_: self.lap("loss"))
        try:
            yield
        finally:
            before.remove()
            after.remove()


class NoProfile(Profile):
    """Costs a call a phase."""

    def start(self) -> None:
        pass

    def lap(self, phase: Phase) -> None:
        pass

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        yield


def _now() -> float:
    """Work that was handed to a GPU counts for the phase that handed it over."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    return time.perf_counter()
