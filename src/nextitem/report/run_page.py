"""A finished run as one HTML page: its test table, curves, slices, ranks, nearest items, leaks, audit, and recipe."""

from __future__ import annotations

from html import escape
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nextitem.errors import InputError
from nextitem.models.own import label
from nextitem.report.audit_said import read_audit
from nextitem.report.energy import energy_rows
from nextitem.report.hits import hits_chart
from nextitem.report.near import nearest_table, titles_in, titles_of_run
from nextitem.report.page import Table, html_table, page
from nextitem.report.results import against_baseline, member_rows, of_ratings, recommending
from nextitem.report.svg import bar_chart, line_chart
from nextitem.runs.asking.recommend import Run
from nextitem.runs.folder.identity import difference
from nextitem.runs.folder.ranked import read_ranked
from nextitem.runs.folder.run_folder import RANKS, RunFolder

POSITIONS = ((1, 1), (2, 5), (6, 10), (11, 20), (21, 50), (51, 100))  # of targets, and what is behind
Z = 1.96  # standard errors in half of a 95 % interval


def html(folder: Path, *, titles: Path | None = None, audit: Path | None = None, run: Run | None = None) -> str:
    """The whole page of a run folder; it asks for nothing beyond itself.

    `run` is the folder, opened, whose nearest items it then shows, by the names in the table `titles`, else by those
    that the run keeps; `audit` is the folder of an order audit of the same data, whose verdict it then has.

    Raises:
        InputError: the run is not finished, a file of it is damaged, or the audit is of other data.
    """
    report = RunFolder(folder).read_report([RANKS])
    name = label(report["recipe"]["model"]["name"])
    title = f"{name} on {report['data']['name']}"
    said = (against_baseline(report), of_ratings(report), recommending(report), *report.get("notes", ()))
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<div class="verdict">{"".join(f"<p>{escape(line)}</p>" for line in said if line)}</div>',
        html_table(_metrics(name, report)),
        *(html_table(one) for one in _slices(name, report)),
        f'<h2>Figures</h2><div class="figures">{"".join(_figures(folder, name, report))}</div>',
        html_table(_calibration(folder)),
        *_nearest(run, titles),
        html_table(_leaks(report)),
        *([] if audit is None else _audited(audit, report)),
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
    found.append(bar_chart(f"Where the best target of a case stands, {name}", _shares(ranks)))
    return found


def _shares(ranks: np.ndarray) -> dict[str, float]:
    """How the ranks (R,) of the best target of each case are spread."""
    shares = {_span(low, high): float(((ranks >= low) & (ranks < high + 1)).mean()) for low, high in POSITIONS}
    return shares | {"behind": float((ranks >= POSITIONS[-1][1] + 1).mean())}


def _calibration(folder: Path) -> Table:
    """Whether a place in a list is worth on the test cases what it was on the validation cases."""
    parts = [read_ranked(folder, part=part).ranking.ranks[:, 0] for part in ("valid", "test")]
    valid, test = map(_shares, parts)
    rows = []
    for span, promised in valid.items():
        spread = sqrt(sum(p * (1 - p) / len(ranks) for p, ranks in zip((promised, test[span]), parts, strict=True)))
        gap = test[span] - promised
        rows.append([span, f"{promised:.4f}", f"{test[span]:.4f}", f"{gap:+.4f}", f"{Z * spread:.4f}"])
    note = (
        "Share of cases whose best target stands there. A difference well beyond its \u00b1 (95 %, as of different "
        "cases) says that the validation cases are easier, or harder, than those of the test."
    )
    return Table("Calibration of ranks", ["", "validation", "test", "difference", "\u00b1"], rows, note)


def _nearest(run: Run | None, titles: Path | None) -> list[str]:
    if run is None:
        return []
    found = nearest_table(run, titles_of_run(run) if titles is None else titles_in(titles))
    if found is None:
        return []
    rows = "".join(f"<li><strong>{escape(item)}</strong>: {escape(near)}</li>" for item, near in found.rows)
    return [f'<h2>{escape(found.title)}</h2><ul>{rows}</ul><p class="note">{escape(found.note)}</p>']


def _leaks(report: dict[str, Any]) -> Table:
    leaks = report["leaks"]
    cases = leaks["cases"]
    rows = [
        [what, f"{leaks[key]:,} of {cases:,}", f"{leaks[key] / cases:.1%}"]
        for what, key in (
            ("a target stands in the case's own history", "seen_before"),
            ("a target that training never held", "never_trained"),
        )
    ]
    note = (
        "The first make a test easier where seen items stay in the ranking; the second no model can answer that does "
        "not know an item by more than who met it."
    )
    return Table("Leaks of the split", ["test cases in which", "cases", "share"], rows, note)


def _audited(audit: Path, report: dict[str, Any]) -> list[str]:
    found = read_audit(audit)
    if differs := difference(report["data"], found.data):
        raise InputError(f"{audit} is an audit of other data than the run's: {differs}")
    said = "".join(f"<li>{escape(line)}</li>" for line in found.lines)
    return [f"<h2>What the order audit says</h2><ul>{said}</ul>"]


def _span(low: int, high: int) -> str:
    return f"rank {low}" if low == high else f"ranks {low} to {high}"


def _members(report: dict[str, Any]) -> Table:
    head = ["", "weight", f"valid {report['monitor']}"]
    return Table("Members", head, member_rows(report), "The weights were chosen on the validation cases.")


def _facts(report: dict[str, Any]) -> Table:
    data, seconds = report["data"], report["seconds"]
    rows = [
        ["users", f"{data['users']:,}"],
        ["items", f"{data['items']:,}"],
        ["interactions", f"{data['interactions']:,}"],
        ["epochs (best)", f"{report['epochs']} ({report['best_epoch']})"],
        *([f"seconds of {what}", f"{value:.1f}"] for what, value in seconds.items()),
        *energy_rows(report),
        ["seed", str(report["recipe"]["seed"])],
        *([f"version of {what}", version] for what, version in report["versions"].items()),
    ]
    return Table("Data and run", ["", ""], rows)
