"""Durations: how long, as it is written in a recipe or on the command line."""

from __future__ import annotations

import re

UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def duration_seconds(text: str) -> float | None:
    """The seconds of `1d`, `12h`, `1h30m`, `90s`; None: it is no such text, or no time at all.

    >>> duration_seconds("1d12h"), duration_seconds("1.5m"), duration_seconds("90")
    (129600.0, 90.0, None)
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", text)
    if "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts) or None
