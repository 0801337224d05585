"""The audit's report: report.html, one file that needs no network; report.md; audit.json."""

from __future__ import annotations

from html import escape
from pathlib import Path

import yaml

from nextitem.analysis.audit import Audit
from nextitem.models.own import label
from nextitem.report.audit_text import Table, headline, protocol, sentences, tables
from nextitem.report.svg import bar_chart, line_chart
from nextitem.writing import make_folder, write

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --back: #ffffff; --soft: #5b6470; --line: #d5dae0; --card: #f6f8fa;
  --s0: #0b62c4; --s1: #b4540a; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --back: #14171b; --soft: #9aa4b0; --line: #343b44;
  --card: #1d2127; --s0: #6cb0ff; --s1: #f0a35e; } }
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
.dot, .bar { fill: var(--s0); } .line.s1 { stroke: var(--s1); fill: none; } .dot.s1 { fill: var(--s1); }
.whisker { stroke: var(--text); stroke-width: 2; }
.key { margin-right: 1.2rem; font-size: .9rem; } .key i { display: inline-block; width: .9rem; height: .9rem;
  margin-right: .4rem; vertical-align: -2px; background: var(--s0); } .key i.s1 { background: var(--s1); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 9rem; }
pre { background: var(--card); padding: .8rem; overflow-x: auto; font-size: .85rem; }
@media print { body { max-width: none; font-size: 11pt; } .wide, pre { overflow: visible; } }
"""


def write_report(audit: Audit, folder: Path) -> None:
    """Three files in `folder`, each whole or not at all."""
    make_folder(folder)
    write(folder / "audit.json", audit.to_json().encode())
    write(folder / "report.md", markdown(audit).encode())
    write(folder / "report.html", html(audit).encode())


def html(audit: Audit) -> str:
    title = f"Order audit of {headline(audit)}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<div class="verdict">{"".join(f"<p>{escape(one)}</p>" for one in sentences(audit))}</div>',
        f'<h2>Figures</h2><div class="figures">{"".join(figures(audit))}</div>',
        *(_html_table(table) for table in tables(audit)),
        f"<h2>Protocol</h2><ul>{''.join(f'<li>{escape(one)}</li>' for one in protocol(audit))}</ul>",
        f"<h2>Recipe of the full model</h2><pre>{escape(_recipe(audit))}</pre>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def markdown(audit: Audit) -> str:
    lines = [f"# Order audit of {headline(audit)}", "", *(f"- {one}" for one in sentences(audit)), ""]
    for table in tables(audit):
        lines += [f"## {table.title}", ""]
        lines += [f"| {' | '.join(table.head)} |", f"|{'---|' * len(table.head)}"]
        lines += [f"| {' | '.join(row)} |" for row in table.rows]
        lines += ["", table.note, ""]
    lines += ["## Protocol", "", *(f"- {one}" for one in protocol(audit)), "", "## Recipe of the full model", ""]
    return "\n".join([*lines, "```yaml", _recipe(audit).rstrip(), "```", ""])


def figures(audit: Audit) -> list[str]:
    statistics, metrics = audit.statistics, audit.metrics
    unique = statistics.unique_histories
    found = [
        line_chart(
            "Share of users whose newest L items are theirs alone", list(unique), {"unique": list(unique.values())}, "L"
        )
    ]
    lengths = {
        int(name.split()[1]): values[audit.main] for name, values in metrics.items() if name.startswith("max_length")
    }
    longest = audit.recipe["model"].get("max_length")
    if longest:
        lengths[longest] = metrics["full"][audit.main]
    if len(lengths) > 1:
        xs = sorted(lengths)
        chain = [metrics["MarkovChain"][audit.main]] * len(xs)
        series = {label(audit.recipe["model"]["name"]): [lengths[x] for x in xs], "MarkovChain": chain}
        found.append(line_chart(f"{audit.main} by max_length, training targets held fixed", xs, series, "max_length"))
    found.append(
        bar_chart(
            f"{audit.main} lost on perturbed histories",
            {name: -one.difference for name, one in audit.differences.items()},
            {name: (-one.high, -one.low) for name, one in audit.differences.items()},
        )
    )
    found.append(
        bar_chart(f"{audit.main} of all models", {name: values[audit.main] for name, values in metrics.items()})
    )
    if audit.attribution:
        ages = list(range(len(audit.attribution)))
        series = {"lost": audit.attribution}
        found.append(
            line_chart(f"{audit.main} lost without the item of one age", ages, series, "age, 0 is the last item")
        )
    if audit.attention:
        layers = {f"layer {number}": share for number, share in enumerate(audit.attention, start=1)}
        found.append(bar_chart("Attention on the last item", layers | {"even": audit.even_attention}))
    return found


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>'
        f'</table></div><p class="note">{escape(table.note)}</p>'
    )


def _recipe(audit: Audit) -> str:
    text: str = yaml.safe_dump(audit.recipe, sort_keys=False, allow_unicode=True)
    return text
