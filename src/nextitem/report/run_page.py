"""A finished run as one HTML page: its test table, curves, slices, where its targets stand, leaks, and its recipe."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import yaml

from nextitem.models.own import label
from nextitem.report.hits import hits_chart
from nextitem.report.page import Table, html_table, page
from nextitem.report.results import against_baseline, member_rows, of_ratings, recommending
from nextitem.report.svg import bar_chart, line_chart
from nextitem.runs.folder.ranked import read_ranked
from nextitem.runs.folder.run_folder import RANKS, RunFolder

POSITIONS = ((1, 1), (2, 5), (6, 10), (11, 20), (21, 50), (51, 100))  # of targets, and what is behind


def html(folder: Path) -> str:
    """The whole page of a run folder; it asks for nothing beyond itself.

    Raises:
        InputError: the run is not finished, or a file of it is damaged.
    """
    run = RunFolder(folder)
    report = run.read_report([RANKS])
    name = label(report["recipe"]["model"]["name"])
    title = f"{name} on {report['data']['name']}"
    said = (against_baseline(report), of_ratings(report), recommending(report), *report.get("notes", ()))
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<div class="verdict">{"".join(f"<p>{escape(line)}</p>" for line in said if line)}</div>',
        html_table(_metrics(name, report)),
        *(html_table(one) for one in _slices(name, report)),
        f'<h2>Figures</h2><div class="figures">{"".join(_figures(folder, name, report))}</div>',
        *([html_table(_members(report))] if report.get("members") else []),
        html_table(_facts(report)),
        f"<h2>Recipe</h2><pre>{escape(yaml.safe_dump(report['recipe'], sort_keys=False, allow_unicode=True))}</pre>",
    ]
    return page(title, parts)


def _metrics(name: str, report: dict[str, Any]) -> Table:
    return _beside_baselines("Test cases", name, report, f"{report['split']}; {report['protocol']}")


def _slices(name: str, report: dict[str, Any]) -> list[Table]:
    return [
        _beside_baselines(f"{found['cases']:,} cases {found.get('what', f'of {which}')}", name, found)
        for which, found in report.get("slices", {}).items()
        if found["test"]  # coverage and gini have no slices
    ]


def _beside_baselines(title: str, name: str, found: dict[str, Any], note: str = "") -> Table:
    rows = {**found["baselines"], name: found["test"]}
    metrics = list(found["test"])
    lines = [[model, *(f"{values[metric]:.4f}" for metric in metrics)] for model, values in rows.items()]
    return Table(title, ["", *metrics], lines, note)


def _figures(folder: Path, name: str, report: dict[str, Any]) -> list[str]:
    found = []
    monitor = report.get("monitor")
    lines = RunFolder(folder).read_log()
    if lines:
        epochs = [line["epoch"] for line in lines]
        found.append(line_chart("Loss by epoch", epochs, {"loss": [line["loss"] for line in lines]}, "epoch"))
    validated = [line for line in lines if line["valid"] and monitor in line["valid"]]
    if validated:
        epochs, values = [line["epoch"] for line in validated], [line["valid"][monitor] for line in validated]
        title = f"Validation {monitor} by epoch; epoch {report['best_epoch']} was kept"
        found.append(line_chart(title, epochs, {str(monitor): values}, "epoch"))
    names = [name, *report["baselines"]]
    ranked = {one: read_ranked(folder, None if one == name else one) for one in names}
    found.append(hits_chart({one: [cases] for one, cases in ranked.items()}))
    ranks = ranked[name].ranking.ranks[:, 0]  # of the best target of each case
    shares = {_span(low, high): float(((ranks >= low) & (ranks < high + 1)).mean()) for low, high in POSITIONS}
    shares["behind"] = float((ranks >= POSITIONS[-1][1] + 1).mean())
    found.append(bar_chart(f"Where the best target of a case stands, {name}", shares))
    return found


def _span(low: int, high: int) -> str:
    return f"rank {low}" if low == high else f"ranks {low} to {high}"


def _members(report: dict[str, Any]) -> Table:
    head = ["", "weight", f"valid {report['monitor']}"]
    return Table("Members", head, member_rows(report), "The weights were chosen on the validation cases.")


def _facts(report: dict[str, Any]) -> Table:
    data, leaks, seconds = report["data"], report["leaks"], report["seconds"]
    rows = [
        ["users", f"{data['users']:,}"],
        ["items", f"{data['items']:,}"],
        ["interactions", f"{data['interactions']:,}"],
        ["test cases with a target in their own history", f"{leaks['seen_before']:,} of {leaks['cases']:,}"],
        ["test cases with a target that training never held", f"{leaks['never_trained']:,} of {leaks['cases']:,}"],
        ["epochs (best)", f"{report['epochs']} ({report['best_epoch']})"],
        *([f"seconds of {what}", f"{value:.1f}"] for what, value in seconds.items()),
        ["seed", str(report["recipe"]["seed"])],
        *([f"version of {what}", version] for what, version in report["versions"].items()),
    ]
    return Table("Data and run", ["", ""], rows)
