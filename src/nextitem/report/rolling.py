"""Windows as a table: a row each, and their mean."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.report.tables import FittingTable
from nextitem.runs.several.rolling import Rolling


def rolling_table(found: Rolling) -> Group:
    """The main metrics of the model in each window, and of the baselines the first of them."""
    names = _headline(found.windows[0].test)
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("window", "tested from", "until"):
        table.add_column(column, overflow="fold")
    baselines = list(found.windows[0].baselines)
    for column in ("cases", *baselines, *names):
        table.add_column(column, justify="right", overflow="fold")
    for one in found.windows:
        others = (one.baselines[baseline] for baseline in baselines)
        figures = [*(f"{other[names[0]]:.4f}" for other in others), *(f"{one.test[name]:.4f}" for name in names)]
        table.add_row(one.name, _day(one.tested_from), _day(one.until), f"{one.cases:,}", *figures)
    means = [*(found.mean(baseline)[names[0]] for baseline in baselines), *(found.mean()[name] for name in names)]
    table.add_row("mean", "", "", "", *(f"{value:.4f}" for value in means), style="bold")
    title = Text(f"{found.model} on {found.data}, trained anew in each window", "bold")
    told = f"; of the baselines {names[0]}" if baselines else ""
    return Group(title, table, Text(f"the mean counts each window alike{told}; moments are UTC, `until` excluded"))


def _day(moment: str) -> str:
    """Without a time of day that is midnight, and without the zone."""
    return moment.removesuffix("+00:00").removesuffix("T00:00:00")


def _headline(test: Mapping[str, float]) -> list[str]:
    """ndcg@10 and hr@10 where they are measured, else the first two."""
    return [name for name in ("ndcg@10", "hr@10") if name in test] or list(test)[:2]
