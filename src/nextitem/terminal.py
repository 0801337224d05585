"""The terminal: what is printed is text. An id [b]A[/b], a file :fire:.csv, a folder run[12] appear as they are called.

Rich takes square brackets for styles, and words between colons for emoji; a screen that is made here takes nothing for
anything, in lines, tables and titles alike, so that nobody escapes and nobody forgets to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Batch = TypeVar("Batch")


def console(*, stderr: bool = False) -> Console:
    """A screen without markup and emoji. Style is given by `style=`, or by a `rich.text.Text`."""
    return Console(stderr=stderr, markup=False, emoji=False)


def tracked(screen: Console, batches: Iterable[Batch], total: int, name: str) -> Iterator[Batch]:
    """A progress bar over the batches of an epoch called `name`, on a terminal alone, gone when the epoch is over."""
    if not screen.is_terminal:
        yield from batches
        return
    columns = (text_column("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        yield from bar.track(batches, task_id=bar.add_task(name, total=total))


def text_column(template: str) -> TextColumn:
    """Of a progress bar, which would read markup on any screen; the fields of `template` appear as they are."""
    return TextColumn(template, markup=False)
