"""Memory: how much this process may use, and the refusal of what would take more."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

from nextitem.cores import CGROUPS, groups, words_of
from nextitem.errors import InputError

_LOG = logging.getLogger(__name__)


def usable_memory() -> float:
    """The bytes that this process may use: the machine's, or fewer where its container has a limit; infinite where the
    system does not tell.
    """
    names = getattr(os, "sysconf_names", {})
    is_told = {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(names)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if is_told else math.inf
    return min(machine, _limit(CGROUPS, Path("/proc/self/cgroup")))


def refuse_too_much(who: str, num_bytes: float, what: str, way_out: str) -> None:
    """Say in the log, as information, what `who` will hold: `what` it is of, and how much.

    Raises:
        InputError: this process may not use as much.
    """
    room = usable_memory()
    if num_bytes > room:
        raise InputError(
            f"{who} would hold {in_words(num_bytes)} for {what}, and this process may use {in_words(room)}; {way_out}"
        )
    _LOG.info("%s holds up to %s for %s", who, in_words(num_bytes), what)


def in_words(num_bytes: float) -> str:
    """
    >>> in_words(6.4e9), in_words(2e7)
    ('6.4 GB', '20 MB')
    """
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.0f} MB"


def _limit(root: Path, membership: Path) -> float:
    found = [math.inf]
    for folder, is_v2 in groups(root, membership, "memory"):
        words = words_of(folder / ("memory.max" if is_v2 else "memory.limit_in_bytes"))
        found.extend(float(word) for word in words if word != "max")
    return min(found)
