"""Models that other distributions bring, as entry points of the group `nextitem.models`.

Here are their names alone, which stand in the metadata of the distributions; no code is imported for them.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

GROUP = "nextitem.models"


def installed() -> dict[str, list[EntryPoint]]:
    """Entry points by name; two of one name are two distributions' that do not know of each other."""
    found: dict[str, list[EntryPoint]] = {}
    for one in entry_points(group=GROUP):
        found.setdefault(one.name, []).append(one)
    return found


def brought_by(point: EntryPoint) -> str:
    """`package 1.0`: the distribution of an entry point.

    >>> brought_by(EntryPoint("MyModel", "package.module:MyModel", GROUP))
    'package.module:MyModel'
    """
    return point.value if point.dist is None else f"{point.dist.name} {point.dist.version}"
