"""Ranked: a table of items on the screen, each with its rank and what it is ranked by."""

from __future__ import annotations

import json
from collections.abc import Sequence

from nextitem.cli.shared import console

ROOM = 40  # of rank and score, beside an id


def print_ranked(items: Sequence[object], scores: Sequence[float], name: str, what: str = "item") -> None:
    """An item a line, the best first; `name` is what the scores are, `what` what the items are."""
    from rich.cells import cell_len

    from nextitem.report.tables import FittingTable

    texts = [on_a_line(item) for item in items]
    table = FittingTable("rank", what, name, box=None)
    for place, (item, score) in enumerate(zip(texts, scores, strict=True), start=1):
        table.add_row(str(place), item, f"{score:.4f}")
    screen = console()
    longest = max((cell_len(item) for item in texts), default=0)
    screen.width = max(screen.width, longest + ROOM)  # an id is never cut, or on two lines
    screen.print(table)


def on_a_line(item: object) -> str:
    r"""An id as it is, or as a JSON text where it would break the line or tell the terminal what to do.

    >>> on_a_line("a, b"), on_a_line("a\nb")
    ('a, b', '"a\\nb"')
    """
    return str(item) if str(item).isprintable() else json.dumps(str(item))
