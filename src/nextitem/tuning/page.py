"""A tuning as one HTML page: what is best, what was tried, what mattered, and whether the budget was enough."""

from __future__ import annotations

from html import escape

from nextitem.report.page import Table, html_table, page
from nextitem.report.svg import bar_chart, line_chart
from nextitem.tuning.result import FACTS, Tuning, sentences


def html(found: Tuning) -> str:
    """The whole page; it asks for nothing beyond itself."""
    name = f"Tuning of {found.recipe.model.label} on {found.data}"
    parts = [
        f"<h1>{escape(name)}</h1>",
        f'<div class="verdict">{"".join(f"<p>{escape(line)}</p>" for line in sentences(found))}</div>',
        f'<h2>Figures</h2><div class="figures">{"".join(_figures(found))}</div>',
        html_table(_changes(found)),
        html_table(_trials(found)),
        *_test(found),
        f"<h2>The winner's recipe</h2><pre>{escape(found.recipe.to_yaml())}</pre>",
    ]
    return page(name, parts)


def _figures(found: Tuning) -> list[str]:
    over = found.trials.filter(found.trials["best"].is_not_null())
    series = {"best so far": [float(value) for value in over["best"]]}
    drawn = [line_chart(f"Validation {found.monitor}, best so far", over["trial"].to_list(), series, "trial")]
    if found.importances:
        drawn.append(bar_chart("Importance of each key (PED-ANOVA), in shares of 1", found.importances))
    return drawn


def _changes(found: Tuning) -> Table:
    rows = [[path, shown_value(before), shown_value(after)] for path, (before, after) in found.changes.items()]
    note = "" if found.importances else "How much each key matters cannot be told: too few trials came to an end."
    return Table("What was tuned", ["key", "the recipe", "the winner"], rows, note)


def _trials(found: Tuning) -> Table:
    keys = [name for name in found.trials.columns if name not in FACTS]
    short = [name.partition(".")[2] for name in keys]
    rows = []
    for row in found.trials.iter_rows(named=True):
        name = f"{row['trial']}{' (the recipe)' if row['default'] else ''}"
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.1f}"
        facts = [name, row["state"], shown(row["value"]), shown(row["epochs"] or None), seconds]
        rows.append([*facts, *(shown_value(row[key]) for key in keys), row["reason"]])
    head = ["trial", "state", found.monitor, "epochs", "s", *short, "why not"]
    note = (
        "On the validation cases, at the best epoch. Pruned: ended between epochs, behind the trials before; cut: "
        "ended when the time was over. Only trials that are complete or cut can win."
    )
    return Table("Trials", head, rows, note)


def _test(found: Tuning) -> list[str]:
    if found.report is None:
        return []
    models = {found.recipe.model.label: found.report["test"], **found.report["baselines"]}
    metrics = list(found.report["test"])
    rows = [[name, *(shown(values.get(metric)) for metric in metrics)] for name, values in models.items()]
    note = f"{found.report['protocol']}; {found.split}; seed {found.report['recipe']['seed']}."
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.report.get("notes", []))
    return [html_table(Table("The winner on the test cases", ["model", *metrics], rows, note)), f"<ul>{notes}</ul>"]


def shown_value(value: object) -> str:
    """Of a key: as a recipe has it, so that None is null."""
    return "null" if value is None else shown(value)


def shown(value: object) -> str:
    """A number with four places that count, all else as it is; nothing for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
