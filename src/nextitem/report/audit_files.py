"""The audit's report: report.html, one file that needs no network; report.md; audit.json."""

from __future__ import annotations

from html import escape
from pathlib import Path

import yaml

from nextitem.analysis.audit import Audit
from nextitem.models.own import label
from nextitem.report.audit_text import headline, protocol, sentences, tables
from nextitem.report.page import html_table, markdown_table, page
from nextitem.report.svg import bar_chart, line_chart
from nextitem.writing import make_folder, write


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
        *(html_table(table) for table in tables(audit)),
        f"<h2>Protocol</h2><ul>{''.join(f'<li>{escape(one)}</li>' for one in protocol(audit))}</ul>",
        f"<h2>Recipe of the full model</h2><pre>{escape(_recipe(audit))}</pre>",
    ]
    return page(title, parts)


def markdown(audit: Audit) -> str:
    lines = [f"# Order audit of {headline(audit)}", "", *(f"- {one}" for one in sentences(audit)), ""]
    for table in tables(audit):
        lines += [f"## {table.title}", "", *markdown_table(table), "", table.note, ""]
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


def _recipe(audit: Audit) -> str:
    text: str = yaml.safe_dump(audit.recipe, sort_keys=False, allow_unicode=True)
    return text
