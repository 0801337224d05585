"""The terminal: what is printed is text. An id [b]A[/b], a file :fire:.csv, a folder run[12] appear as they are called.

Rich takes square brackets for styles, and words between colons for emoji; a screen that is made here takes nothing for
anything, in lines, tables and titles alike, so that nobody escapes and nobody forgets to.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import TextColumn


def console(*, stderr: bool = False) -> Console:
    """A screen without markup and emoji. Style is given by `style=`, or by a `rich.text.Text`."""
    return Console(stderr=stderr, markup=False, emoji=False)


def text_column(template: str) -> TextColumn:
    """Of a progress bar, which would read markup on any screen; the fields of `template` appear as they are."""
    return TextColumn(template, markup=False)
