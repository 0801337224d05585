"""Following runs that are made by other processes: a table on a terminal while it lasts, elsewhere a line an end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from nextitem.runs.several.making import Entry


def follow(
    steps: Iterable[list[Entry]], screen: Console, said: Callable[[Entry], str | None], known: Iterable[str] = ()
) -> None:
    """To the end. `said` is the line of a run that is over, None of any other; runs that are `known` have none."""
    from rich.live import Live

    from nextitem.report.experiment import state_table

    if screen.is_terminal:
        with Live(console=screen, transient=True, auto_refresh=False) as live:
            for entries in steps:
                live.update(state_table(entries), refresh=True)
        return
    told = set(known)
    for entries in steps:
        for entry in entries:
            line = said(entry)
            if line is not None and entry.planned.name not in told:
                told.add(entry.planned.name)
                screen.print(line, highlight=False, soft_wrap=True)
