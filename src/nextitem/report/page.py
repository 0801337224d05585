"""A page: one HTML file that asks for nothing beyond itself, follows light and dark, prints, and fits a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --back: #ffffff; --soft: #5b6470; --line: #d5dae0; --card: #f6f8fa;
  --s0: #0b62c4; --s1: #b4540a; --s2: #1d7a3e; --s3: #8a3aa8; --s4: #a3252f; --s5: #5b6470; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --back: #14171b; --soft: #9aa4b0; --line: #343b44;
  --card: #1d2127; --s0: #6cb0ff; --s1: #f0a35e; --s2: #6fcf8f; --s3: #d59bf0; --s4: #ff8d95; --s5: #9aa4b0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 1.5rem 1rem 3rem; color: var(--text); background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.verdict { background: var(--card); border-left: 4px solid var(--s0); padding: .8rem 1.1rem; }
.verdict p { margin: .3rem 0; } .note, figcaption { color: var(--soft); font-size: .9rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 1.2rem; }
figure { margin: 0; padding: .8rem; background: var(--card); break-inside: avoid; }
figcaption { color: var(--text); font-weight: 600; margin-bottom: .4rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--text); font-size: 14px; }
.grid, .axis { stroke: var(--line); } .line { fill: none; stroke: var(--s0); stroke-width: 2.5; }
.dot, .bar { fill: var(--s0); } .line.s1 { stroke: var(--s1); } .dot.s1 { fill: var(--s1); }
.line.s2 { stroke: var(--s2); } .dot.s2 { fill: var(--s2); }
.line.s3 { stroke: var(--s3); } .dot.s3 { fill: var(--s3); }
.line.s4 { stroke: var(--s4); } .dot.s4 { fill: var(--s4); }
.line.s5 { stroke: var(--s5); } .dot.s5 { fill: var(--s5); }
.whisker { stroke: var(--text); stroke-width: 2; }
.key { display: inline-block; margin-right: 1.2rem; font-size: .9rem; }
.key i { display: inline-block; width: .9rem; height: .9rem;
  margin-right: .4rem; vertical-align: -2px; background: var(--s0); } .key i.s1 { background: var(--s1); }
.key i.s2 { background: var(--s2); } .key i.s3 { background: var(--s3); } .key i.s4 { background: var(--s4); }
.key i.s5 { background: var(--s5); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9rem; }
pre { background: var(--card); padding: .8rem; overflow-x: auto; font-size: .85rem; }
@media (max-width: 600px) { svg text { font-size: 17px; } }
@media print { body { max-width: none; font-size: 11pt; } .wide, pre { overflow: visible; } }
"""


@dataclass(frozen=True)
class Table:
    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""


def page(title: str, parts: Sequence[str]) -> str:
    """The file, of `parts` that are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f'</table></div><p class="note">{escape(table.note)}</p>'
    )


def markdown_table(table: Table) -> list[str]:
    """Its lines, without the title."""
    lines = [f"| {' | '.join(table.head)} |", f"|{'---|' * len(table.head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in table.rows]
