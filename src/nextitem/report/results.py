"""Results as tables: what a run measured on its test cases, beside its baselines and under its protocol."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.text import Text

from nextitem.evaluation.beyond import is_listed
from nextitem.evaluation.evaluate import Report
from nextitem.models.own import label
from nextitem.report.energy import energy_line
from nextitem.report.tables import FittingTable


def test_table(report: dict[str, Any]) -> Group:
    """The test metrics of a run beside its baselines, under their protocol."""
    name = label(report["recipe"]["model"]["name"])
    title = f"Test: {report['data']['name']}, {report['split']}"
    lines = (against_baseline(report), of_ratings(report), went_on(report), recommending(report), energy_line(report))
    said = [Text(line) for line in lines if line] or [Text("")]
    sliced = _sliced(name, report)
    members = [members_table(report)] if report.get("members") else []  # of a blend
    head: list[RenderableType] = ["", Text(title, "bold"), Text(report["protocol"]), _beside_baselines(name, report)]
    return Group(*members, *head, *said, *sliced)


def _sliced(name: str, report: dict[str, Any]) -> list[RenderableType]:
    """A row a slice: one metric of the model, beside that of the baseline that it is compared with."""
    slices = report.get("slices")  # reports of before have none
    by = report["comparison"]
    measured = [one for one in report["test"] if not is_listed(one)]
    if not slices or not measured:
        return []
    metric, baseline = (by["metric"], by["baseline"]) if by else (measured[0], None)
    table = _metric_table(["cases", *([baseline] if baseline else []), name])
    for which, found in slices.items():
        others = [found["baselines"][baseline]] if baseline else []
        table.add_row(which, f"{found['cases']:,}", *(f"{one[metric]:.4f}" for one in (*others, found["test"])))
    return ["", Text(f"{metric} on some of these cases (report.json says which, and has all metrics)"), table]


def _beside_baselines(name: str, found: dict[str, Any]) -> FittingTable:
    """What a model has on the test cases, and the baselines above it."""
    table = _metric_table(list(found["test"]))
    for baseline, values in found["baselines"].items():
        table.add_row(baseline, *(f"{value:.4f}" for value in values.values()))
    table.add_row(name, *(f"{value:.4f}" for value in found["test"].values()), style="bold")
    return table


def member_rows(report: dict[str, Any]) -> list[list[str]]:
    """Of each member of a blend its name, its weight, and what it has on the validation cases."""
    metric = report["monitor"]
    return [
        [f"log {one['name']}" if one["log"] else one["name"], f"{one['weight']:.3f}", f"{one['valid'][metric]:.4f}"]
        for one in report["members"]
    ]


def members_table(report: dict[str, Any]) -> Group:
    """What each member of a blend counts, and what it has on the validation cases by itself."""
    metric = report["monitor"]
    table = _metric_table(["weight", f"valid {metric}"])
    for row in member_rows(report):
        table.add_row(*row)
    table.add_row("Blend", "", f"{report['valid'][metric]:.4f}", style="bold")
    said = "log: of 1 + its scores. The weights were chosen on the validation cases, and the figures here are of these."
    return Group("", Text("Members", "bold"), table, Text(said))


def protocol_table(report: Report) -> Group:
    """One model's metrics under their protocol."""
    means = report.means()
    table = _metric_table(list(means))
    table.add_row("test", *(f"{value:.4f}" for value in means.values()))
    return Group(*map(Text, report.notes), Text(report.protocol), table)


def _metric_table(metrics: list[str]) -> FittingTable:
    """Narrow enough for eight metrics on 80 columns."""
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for metric in metrics:
        table.add_column(metric, justify="right", no_wrap=True, min_width=len(metric))
    return table


def against_baseline(report: dict[str, Any]) -> str:
    """The difference to the best baseline, in a sentence; empty without one."""
    found = report["comparison"]
    if found is None:
        return ""
    p = "p < 0.0001" if found["p_value"] < 1e-4 else f"p = {found['p_value']:.4f}"
    meaning = "significant" if found["p_value"] < 0.05 else "not significant"
    return (
        f"{found['metric']} against {found['baseline']}: {found['difference']:+.4f} "
        f"(95 % interval {found['low']:+.4f} to {found['high']:+.4f}), {p}, {meaning} (paired t test over users)"
    )


def of_ratings(report: dict[str, Any]) -> str:
    """Of a model that predicts them."""
    found = report.get("ratings")  # reports of before have none
    if not found:
        return ""
    return (
        f"{found['ratings']:,} ratings: RMSE {found['rmse']:.4f}, MAE {found['mae']:.4f} "
        f"(means of users and items: RMSE {found['means_rmse']:.4f}, MAE {found['means_mae']:.4f})"
    )


def went_on(report: dict[str, Any]) -> str:
    """Of a run that went on from another: from which, with what, and how rows of what is new began."""
    found = report.get("update")
    if not found:
        return ""
    said = [
        f"went on from {found['of']} with {found['interactions']:,} new interactions, {found['users']:,} new users and "
        f"{found['items']:,} new items"
    ]
    for what, one in found["begun"].items():
        if one["at_neighbours"] or one["at_mean"]:
            said.append(
                f"rows of new {what} began at the mean of their neighbours ({one['at_neighbours']:,}) or of all "
                f"({one['at_mean']:,})"
            )
    said.append(
        f"{found['unknown_cases']:,} of {found['cases']:,} cases are misses of the older model, which knows them not"
    )
    return "; ".join(said)


def recommending(report: dict[str, Any]) -> str:
    """Of a run that was trained anew on all data: whose figures these are, and what recommends."""
    done = report.get("refit")
    if not done:
        return ""
    length = f"trained on all data for {epochs_of(done['epochs'])}" if done["epochs"] else "fitted to all data"
    return f"recommendations come from weights {length}; the figures are of those before"


def epochs_of(number: int) -> str:
    """In words."""
    return "1 epoch" if number == 1 else f"{number:,} epochs"
