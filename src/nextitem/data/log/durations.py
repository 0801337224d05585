"""Durations: how long, as it is written in a recipe or on the command line."""

from __future__ import annotations

import math
import re

UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
PARTS = re.compile(r"\s*".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?)\s*{unit})?" for unit in UNITS))


def duration_seconds(text: str) -> float | None:
    """The seconds of `1d`, `12h`, `1h30m`, `90s`; None: it is no such text, or no time at all, or without an end.

    A unit stands there once, the longer ones first: `1h1h` and `5m1h` are slips.

    >>> duration_seconds("1d12h"), duration_seconds("1.5m"), duration_seconds("90"), duration_seconds("5m1h")
    (129600.0, 90.0, None, None)
    """
    found = PARTS.fullmatch(text.strip())
    if found is None:
        return None
    seconds = sum(float(number) * UNITS[unit] for unit, number in found.groupdict().items() if number)
    return seconds if 0 < seconds < math.inf else None
