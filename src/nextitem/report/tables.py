"""Tables that lose nothing: one too wide for the screen is shown in parts, what names the rows beside each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text


class FittingTable(Table):
    """A table of rich's, whose columns go below each other where the screen is too narrow for them side by side.

    A column that may be wrapped needs room for its longest word alone. A column that is wider than the screen by itself
    is folded, so that no letter is lost. `labels` columns tell the rows apart, and stand beside every part.
    """

    def __init__(self, *headers: Column | str, labels: int = 1, **options: Any) -> None:
        super().__init__(*headers, **options)
        self.labels = labels

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, columns in enumerate(self._parts(console, options)):
            widths = self._widths(columns, console, options)
            yield from self._of(columns, widths, is_first=number == 0).__rich_console__(console, options)

    def _parts(self, console: Console, options: ConsoleOptions) -> Iterator[list[Column]]:
        labels, rest = self.columns[: self.labels], list(self.columns[self.labels :])
        part = [*labels, *rest[:1]]
        for column in rest[1:]:
            if self._room([*part, column], console, options) < 0:
                yield part
                part = [*labels]
            part.append(column)
        yield part

    def _room(self, columns: list[Column], console: Console, options: ConsoleOptions) -> int:
        """What the narrowest form of these columns leaves of the screen; negative where it is wider."""
        narrowest = self._of(columns, [_narrowest(one) for one in columns])
        unbounded = options.update(max_width=10_000)  # else no measure is above the width
        return options.max_width - Measurement.get(console, unbounded, narrowest).minimum

    def _widths(self, columns: list[Column], console: Console, options: ConsoleOptions) -> list[int | None]:
        """Room for the longest words, and of what is left as much as each column has use for, from the first on."""
        room = self._room(columns, console, options)
        if room < 0:
            return [None] * len(columns)
        found: list[int | None] = []
        for one in columns:
            width = _narrowest(one)
            more = min(room, _widest(one) - width)
            found.append(width + more)
            room -= more
        return found

    def _of(self, columns: list[Column], widths: list[int | None] | list[int], *, is_first: bool = True) -> Table:
        """Some columns as a table of rich's own, each so wide; None: as rich has it, folded where it must be."""
        table = Table(
            title=self.title if is_first else None, box=self.box, title_justify=self.title_justify,
            title_style=self.title_style, show_header=self.show_header, show_edge=self.show_edge,
            pad_edge=self.pad_edge, padding=self.padding,
        )  # fmt: skip
        for one, width in zip(columns, widths, strict=True):
            table.add_column(one.header, justify=one.justify, style=one.style, width=width, overflow="fold")
        cells = [list(one.cells) for one in columns]
        for place, row in enumerate(self.rows):
            table.add_row(*(column[place] for column in cells), style=row.style, end_section=row.end_section)
        return table


def pairs_table(title: str) -> FittingTable:
    """Names and what is told of each, without a header."""
    table = FittingTable(title=title, box=None, title_justify="left", show_header=False, title_style="bold")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def indented(text: Text) -> Padding:
    """By two columns, all the lines into which it is wrapped."""
    return Padding(text, (0, 0, 0, 2), expand=False)


def _widest(column: Column) -> int:
    return max(cell_len(line) for text in _texts(column) for line in text.split("\n"))


def _narrowest(column: Column) -> int:
    if column.no_wrap:
        return _widest(column)
    return max((cell_len(word) for text in _texts(column) for word in text.split()), default=1)


def _texts(column: Column) -> list[str]:
    return [str(cell) for cell in (column.header, *column.cells)]
