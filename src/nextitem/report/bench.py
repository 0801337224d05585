"""A bench in words and as a page: which model to take and why, the table, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from nextitem.report.comparison import protocol_lines, table_of
from nextitem.report.comparison_page import figures, runs_table
from nextitem.report.energy import training_kwh
from nextitem.report.pace import duration
from nextitem.report.page import Table, html_table, page
from nextitem.runs.several.choosing import Choice


def why(choice: Choice) -> str:
    """Which model to take and why, in one sentence."""
    taken, best, metric = choice.taken, choice.best, choice.metric
    top = f"{choice.valid[best]:.4f}"
    cost = f"{_cost(choice, taken)} of training"
    if len(choice.valid) == 1:
        return f"Take {taken}: it is the only one that came to an end."
    if taken == best:
        cheaper = [name for name, seconds in choice.seconds.items() if seconds < choice.seconds[taken]]
        rest = "and what is cheaper is significantly worse" if cheaper else "and it is the cheapest"
        return f"Take {taken}: its {metric} on the validation cases, {top}, is the highest, {rest} ({cost})."
    return (
        f"Take {taken} ({cost}): its {metric} on the validation cases, {choice.valid[taken]:.4f}, is not significantly "
        f"below that of {best}, {top} (p = {choice.p_value:.2f}), which takes {_cost(choice, best)}."
    )


def remarks(choice: Choice) -> list[str]:
    """What the sentence rests on."""
    said = [
        f"Chosen on {choice.num_cases:,} validation cases: the cheapest that is not significantly worse than the best "
        "(paired t test, Holm's correction, 5 %). The test cases tell what it is worth."
    ]
    if choice.cut:
        told = ", ".join(f"{name} after epoch {epoch}" for name, epoch in choice.cut.items())
        said.append(f"Cut when its time was over, so that more time may give more: {told}.")
    return said


def html(choice: Choice, left_out: Mapping[str, str]) -> str:
    """The whole page; it asks for nothing beyond itself."""
    found = choice.comparison
    name = f"Which model for {found.data}?"
    said = "".join(f"<p>{escape(line)}</p>" for line in (why(choice), *remarks(choice)))
    parts = [
        f'<h1>{escape(name)}</h1><div class="verdict">{said}</div>',
        html_table(_costs(choice)),
        *(html_table(table_of(found, metric)) for metric in found.metrics),
        f'<h2>Figures</h2><div class="figures">{"".join(figures(found))}</div>',
        *([f"<h2>Left out</h2><ul>{''.join(_left_out(left_out))}</ul>"] if left_out else []),
        html_table(runs_table(found)),
        f"<h2>Protocol</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in protocol_lines(found))}</ul>",
    ]
    return page(name, parts)


def _left_out(why: Mapping[str, str]) -> list[str]:
    return [f"<li>{escape(f'{model}: {reason}')}</li>" for model, reason in why.items()]


def _costs(choice: Choice) -> Table:
    energy = {one.name: training_kwh(one.reports[0]) for one in choice.comparison.models}
    has_energy = any(energy.values())
    rows = [
        [name, f"{value:.4f}", _cost(choice, name), *([energy[name]] if has_energy else [])]
        for name, value in choice.valid.items()
    ]
    head = ["model", f"validation {choice.metric}", "training", *(["kWh"] if has_energy else [])]
    return Table("What chose it", head, rows)


def _cost(choice: Choice, name: str) -> str:
    seconds = choice.seconds[name]
    return duration(seconds) if seconds >= 1 else "under 1 s"
