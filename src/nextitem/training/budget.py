"""The time that a tuning or a run may take, and what of it is left: for a trial, an epoch, and for the test cases."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import mean

from nextitem.data.log.durations import duration_seconds
from nextitem.errors import InputError

LOOKS = 5  # as many validations the end takes: validation and test cases once more, two baselines, and room
ROOM = 2.0  # seconds besides, for what is written


def seconds_of(text: str | float) -> float:
    """The seconds of `90s`, `60m`, `1h30m`, `1d`; a number is seconds.

    >>> seconds_of("1h30m"), seconds_of("1.5m"), seconds_of(20)
    (5400.0, 90.0, 20.0)

    Raises:
        InputError: it is no such time, or none at all.
    """
    found = (duration_seconds(text) or 0.0) if isinstance(text, str) else float(text)
    if not found > 0:
        raise InputError(f"--time is a time above 0 with its unit, such as 60m, 1h30m or 90s; found {text!r}")
    return found


@dataclass
class Budget:
    """Of one process, from when it began. Without `seconds` there is always time."""

    seconds: float | None = None
    started: float = field(default_factory=time.perf_counter)
    num_looks: int = LOOKS
    trials: list[float] = field(default_factory=list)  # seconds of those that are over
    looks: list[float] = field(default_factory=list)  # seconds of the validations so far

    def left(self) -> float | None:
        """Seconds until the test cases must be looked at; None where there is no end."""
        if self.seconds is None:
            return None
        look = max(mean(self.looks), self.looks[-1]) if self.looks else 0.0
        return self.started + self.seconds - self.num_looks * look - ROOM - time.perf_counter()

    def fits(self, seconds: float) -> bool:
        """Whether so much more can be done."""
        left = self.left()
        return left is None or left >= seconds

    def fits_trial(self) -> bool:
        """Whether another trial can be done, if it takes as long as the mean of those before; but for the first, which
        compiles, where there are others."""
        return self.fits(mean(self.trials[1:] or self.trials) if self.trials else 0.0)

    def saw(self, seconds: float) -> None:
        """A validation took so long."""
        self.looks.append(seconds)
