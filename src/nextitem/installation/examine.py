"""examine: everything that an installation gives a run, a fact a line."""

from __future__ import annotations

import os
from collections.abc import Callable

from nextitem.installation.computing import computing_facts
from nextitem.installation.fact import Fact
from nextitem.installation.machine import environment_facts, machine_facts
from nextitem.installation.packages import package_facts


def examine(*, is_tried: bool = False, tell: Callable[[str], None] = lambda name: None) -> list[Fact]:
    """Machine, packages, extras, devices, kernels, disks and the variables that count, room by room.

    With `is_tried` the kernels are compiled and compared with their plain forms; `tell` hears which one is next.
    """
    computing = computing_facts(is_tried=is_tried, tell=tell)
    return [*machine_facts(), *package_facts(), *computing, *environment_facts(os.environ)]
