"""Notebook: small tables in HTML, for objects that show themselves there. What they hold is text, as on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table under its caption; without a `head` it has no line of titles.

    >>> html_table("best", ["item"], [["<b>"]])
    '<table><caption>best</caption><tr><th>item</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    titles = _row("th", head) if head else ""
    return f"<table><caption>{escape(caption)}</caption>{titles}{''.join(_row('td', row) for row in rows)}</table>"


def _row(tag: str, cells: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
