"""Small charts as SVG text: lines and bars, with a title, a description and every value written beside its mark.

Colours are the page's (CSS variables), so that a chart follows light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, LINE_HEIGHT, ROW = 560, 300, 30
LEFT, RIGHT, TOP, BOTTOM = 80, 24, 16, 44
LABELS, MOST_LABELS = 170, 300  # width of the names beside bars, and of long ones
LETTER, VALUE = 9.3, 72  # width of a letter, and of a value, on a phone, where they are largest
TICKS = 12  # at the most, below a line chart
COLOURS = 6  # of the page's style


def line_chart(title: str, xs: Sequence[int], series: Mapping[str, Sequence[float]], x_name: str) -> str:
    """Points at evenly spaced places, one for each x; the y axis starts at 0. `series`: name -> a value for each of the
    first so many x."""
    top = max((max(values) for values in series.values()), default=0.0) or 1.0
    bottom = min(0.0, *(min(values) for values in series.values()))
    width, height = WIDTH - LEFT - RIGHT, LINE_HEIGHT - TOP - BOTTOM

    def x_of(number: int) -> float:
        return LEFT + width * (number + 0.5) / len(xs)

    def y_of(value: float) -> float:
        return TOP + height * (top - value) / (top - bottom)

    parts = []
    for step in range(5):
        value = bottom + (top - bottom) * step / 4
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(value):.1f}" y2="{y_of(value):.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y_of(value) + 4:.1f}" text-anchor="end">{_number(value)}</text>')
    every, radius = -(-len(xs) // TICKS), 4 if len(xs) <= 2 * TICKS else 2
    for number, x in enumerate(xs):
        if number % every:
            continue
        parts.append(f'<text x="{x_of(number):.1f}" y="{LINE_HEIGHT - BOTTOM + 18}" text-anchor="middle">{x}</text>')
    parts.append(f'<text x="{LEFT + width / 2}" y="{LINE_HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>')
    for place, (name, values) in enumerate(series.items()):
        points = " ".join(f"{x_of(number):.1f},{y_of(value):.1f}" for number, value in enumerate(values))
        parts.append(f'<polyline class="line s{place % COLOURS}" points="{points}"/>')
        for number, value in enumerate(values):
            told = f"{name}, {xs[number]}: {_number(value)}"
            parts.append(
                f'<circle class="dot s{place % COLOURS}" cx="{x_of(number):.1f}" cy="{y_of(value):.1f}" r="{radius}">'
                f"<title>{escape(told)}</title></circle>"
            )
    said = "; ".join(
        f"{name}: " + ", ".join(f"{x} {_number(value)}" for x, value in zip(xs, values, strict=False))
        for name, values in series.items()
    )
    return _figure(title, said, LINE_HEIGHT, parts, list(series) if len(series) > 1 else [])


def bar_chart(title: str, bars: Mapping[str, float], intervals: Mapping[str, tuple[float, float]] | None = None) -> str:
    """A bar a name, its value beside it; whiskers where there is an interval. Negative bars go to the left of 0."""
    known = dict(intervals or {})
    ends = [*bars.values(), *(end for pair in known.values() for end in pair), 0.0]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0
    labels = min(MOST_LABELS, max(LABELS, 10 + LETTER * max(map(len, bars), default=0)))
    width = WIDTH - labels - RIGHT - VALUE
    height = TOP + ROW * len(bars) + 8

    def x_of(value: float) -> float:
        return labels + width * (value - low) / span

    parts = [f'<line class="axis" x1="{x_of(0):.1f}" x2="{x_of(0):.1f}" y1="{TOP}" y2="{height - 8}"/>']
    for number, (name, value) in enumerate(bars.items()):
        y = TOP + ROW * number
        left, right = sorted((x_of(0), x_of(value)))
        parts.append(
            f'<text x="{labels - 10:.0f}" y="{y + 19}" text-anchor="end"{_squeezed(name)}>{escape(name)}</text>'
        )
        parts.append(f'<rect class="bar" x="{left:.1f}" y="{y + 6}" width="{right - left:.1f}" height="18"/>')
        edge = max(right, x_of(known[name][1]) if name in known else right)
        if name in known:
            first, last = (x_of(end) for end in known[name])
            parts.append(f'<line class="whisker" x1="{first:.1f}" x2="{last:.1f}" y1="{y + 15}" y2="{y + 15}"/>')
        parts.append(f'<text x="{edge + 6:.1f}" y="{y + 19}">{_number(value)}</text>')
    said = "; ".join(f"{name} {_number(value)}" for name, value in bars.items())
    return _figure(title, said, height, parts, [])


def _squeezed(name: str) -> str:
    """A longer name than fits stands in narrower letters."""
    most = MOST_LABELS - 12
    return f' textLength="{most}" lengthAdjust="spacingAndGlyphs"' if LETTER * len(name) > most else ""


def _figure(title: str, said: str, height: int, parts: list[str], legend: list[str]) -> str:
    keys = "".join(
        f'<span class="key"><i class="s{place % COLOURS}"></i>{escape(name)}</span>'
        for place, name in enumerate(legend)
    )
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(said)}</desc>{''.join(parts)}</svg>"
        f"{f'<p>{keys}</p>' if keys else ''}</figure>"
    )


def _number(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"
