"""Schedules: what the learning rate is multiplied by, as a function of where training stands.

| name        | factor                                                                    |
|-------------|---------------------------------------------------------------------------|
| constant    | 1                                                                         |
| warmup      | from 1 / warmup_steps to 1 over the first warmup_steps steps, then 1      |
| cosine      | half a cosine, from 1 at the first step towards 0 after the last epoch    |
| exponential | decay ** (epochs finished)                                                |
| plateau     | decay ** (times that plateau_patience validations brought nothing better) |

With `warmup_steps` the others start so too; the cosine then spans what is left. Cosine: Loshchilov & Hutter, "SGDR",
ICLR 2017, arXiv:1608.03983, without restarts.

Nothing here has a state: a plateau's is part of the checkpoint's, so training that is continued has the rates of
training that never stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from nextitem.recipe import ScheduleName
from nextitem.training.checkpoint import FitState


@dataclass(frozen=True)
class Schedule:
    name: ScheduleName = "constant"
    epochs: int = 1
    steps_per_epoch: int = 1
    warmup_steps: int = 0
    decay: float = 1.0
    plateau_patience: int = 1  # validations

    def factor(self, epoch: int, step: int, num_lowered: int = 0) -> float:
        """At `step` of `epoch`, both from 1, after a plateau has lowered the rate `num_lowered` times.

        >>> schedule = Schedule("cosine", epochs=2, steps_per_epoch=2)
        >>> [round(schedule.factor(epoch, step), 3) for epoch in (1, 2) for step in (1, 2)]
        [1.0, 0.854, 0.5, 0.146]
        """
        passed = (epoch - 1) * self.steps_per_epoch + step - 1  # steps
        if passed < self.warmup_steps:
            return self._decayed(epoch, num_lowered) * (passed + 1) / self.warmup_steps
        if self.name == "cosine":
            left = self.epochs * self.steps_per_epoch - self.warmup_steps
            return 0.5 * (1 + math.cos(math.pi * (passed - self.warmup_steps) / left))
        return self._decayed(epoch, num_lowered)

    def _decayed(self, epoch: int, num_lowered: int) -> float:
        if self.name == "exponential":
            return self.decay ** (epoch - 1)
        return self.decay**num_lowered if self.name == "plateau" else 1.0

    def after_validation(self, state: FitState, is_best: bool) -> FitState:
        """`state`, with what a plateau makes of one more validation."""
        if self.name != "plateau":
            return state
        waited = 0 if is_best else state.num_waited + 1
        if waited < self.plateau_patience:
            return replace(state, num_waited=waited)
        return replace(state, num_waited=0, num_lowered=state.num_lowered + 1)
