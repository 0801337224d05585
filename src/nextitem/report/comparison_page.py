"""A comparison as one HTML page: tables, intervals, curves, slices, and where the targets stand."""

from __future__ import annotations

from html import escape
from statistics import mean

from nextitem.report.comparison import protocol_lines, sentences, table_of, title
from nextitem.report.energy import training_kwh
from nextitem.report.hits import hits_chart
from nextitem.report.page import Table, html_table, page
from nextitem.report.svg import bar_chart, line_chart
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.several.compare import Comparison, Seeds


def html(comparison: Comparison) -> str:
    """The whole page; it asks for nothing beyond itself."""
    name = title(comparison)
    parts = [
        f"<h1>{escape(name)}</h1>",
        f'<div class="verdict">{"".join(f"<p>{escape(line)}</p>" for line in sentences(comparison))}</div>',
        *(html_table(table_of(comparison, metric)) for metric in comparison.metrics),
        f'<h2>Figures</h2><div class="figures">{"".join(figures(comparison))}</div>',
        html_table(runs_table(comparison)),
        *(_differences(one) for one in comparison.models if one.differs),
        f"<h2>Protocol</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in protocol_lines(comparison))}</ul>",
    ]
    return page(name, parts)


def figures(comparison: Comparison) -> list[str]:
    metric = comparison.metrics[0]
    lines = comparison.of(metric)
    found = [
        bar_chart(
            f"{metric}, with 95 % intervals over the cases",
            {line.model: line.mean for line in lines},
            {line.model: (line.low, line.high) for line in lines},
        )
    ]
    gaps = {line.model: line.gap.found for line in lines if line.gap is not None}
    if gaps:
        found.append(
            bar_chart(
                f"{metric} less that of {comparison.reference}, with 95 % intervals",
                {name: gap.difference for name, gap in gaps.items()},
                {name: (gap.low, gap.high) for name, gap in gaps.items()},
            )
        )
    if curves := _curves(comparison):
        monitor, longest, series = curves
        xs = list(range(1, longest + 1))
        found.append(line_chart(f"Validation {monitor} by epoch, first seed", xs, series, "validation"))
    found.append(hits_chart({one.name: one.ranked for one in comparison.models}))
    return found + _slices(comparison, metric)


def _curves(comparison: Comparison) -> tuple[str, int, dict[str, list[float]]] | None:
    """The validations of the first seed of each model that was trained by epochs, of the metric that chose the best."""
    series, monitors = {}, []
    for one in comparison.models:
        monitor = one.reports[0].get("monitor")
        lines = [] if one.is_baseline or monitor is None else RunFolder(one.folders[0]).read_log()
        values = [float(line["valid"][str(monitor)]) for line in lines if line["valid"]]
        if values:
            series[one.name] = values
            monitors.append(str(monitor))
    if not series or len(set(monitors)) > 1:
        return None
    return monitors[0], max(map(len, series.values())), series


def _slices(comparison: Comparison, metric: str) -> list[str]:
    """A chart for each slice that all have, of the test cases' means as the reports have them."""
    if comparison.part != "test":
        return []
    found = []
    for name, first in comparison.models[0].reports[0].get("slices", {}).items():
        bars = {}
        for one in comparison.models:
            of = [report.get("slices", {}).get(name) for report in one.reports]
            values = [part["baselines"].get(one.name, {}) if one.is_baseline else part["test"] for part in of if part]
            if len(values) == len(of) and all(metric in value for value in values):
                bars[one.name] = mean(value[metric] for value in values)
        if len(bars) == len(comparison.models) and any(bars.values()):  # a slice where all have 0 shows nothing
            found.append(bar_chart(f"{metric} on the cases {first.get('what', f'of {name}')}", bars))
    return found


def runs_table(comparison: Comparison) -> Table:
    """Where each came from, and what it took; a column of energy where a run has counted it."""
    has_energy = any("energy" in report for one in comparison.models for report in one.reports)
    rows = []
    for one in comparison.models:
        for folder, report in zip(one.folders, one.reports, strict=True):
            seconds = "" if one.is_baseline else f"{report['seconds'].get('training', 0.0):.1f}"
            epochs = "" if one.is_baseline else f"{report['epochs']} ({report['best_epoch']})"
            energy = ["" if one.is_baseline else training_kwh(report)] if has_energy else []
            rows.append([one.name, str(report["recipe"]["seed"]), epochs, seconds, *energy, str(folder)])
    head = ["model", "seed", "epochs (best)", "training, s", *(["training, kWh"] if has_energy else []), "folder"]
    return Table("Runs", head, rows)


def _differences(one: Seeds) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in one.differs)
    return f"<h2>What {escape(one.name)} has otherwise</h2><ul>{items}</ul>"
