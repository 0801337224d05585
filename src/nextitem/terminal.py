"""The terminal: what is printed is text. An id [b]A[/b], a file :fire:.csv, a folder run[12] appear as they are called.

Rich takes square brackets for styles, and words between colons for emoji; a screen that is made here takes nothing for
anything, in lines, tables and titles alike, so that nobody escapes and nobody forgets to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Piece = TypeVar("Piece")


def console(*, stderr: bool = False) -> Console:
    """A screen without markup and emoji. Style is given by `style=`, or by a `rich.text.Text`."""
    return Console(stderr=stderr, markup=False, emoji=False)


def tracked(screen: Console, pieces: Iterable[Piece], total: int, name: str) -> Iterator[Piece]:
    """A progress bar over pieces of work called `name`, such as the batches of an epoch, on a terminal alone, gone when
    the work is done."""
    if not screen.is_terminal:
        yield from pieces
        return
    columns = (text_column("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        yield from bar.track(pieces, task_id=bar.add_task(name, total=total))


def text_column(template: str) -> TextColumn:
    """Of a progress bar, which would read markup on any screen; the fields of `template` appear as they are."""
    return TextColumn(template, markup=False)
