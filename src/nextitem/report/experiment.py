"""An experiment on the terminal: a line a run, while it lasts and after."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.text import Text

from nextitem.report.tables import FittingTable
from nextitem.runs.several.making import Entry

SHOWN = 30  # runs at once


def state_table(entries: Sequence[Entry]) -> RenderableType:
    """How far each run is, by its validation cases; of many runs those that are under way, and the next."""
    busy = [entry for entry in entries if entry.state in ("running", "elsewhere", "failed")]
    rest = [entry for entry in entries if entry not in busy]
    shown = entries if len(entries) <= SHOWN else [*busy, *rest][:SHOWN]
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("run", overflow="fold")
    for name in ("state", "epoch", "best on validation"):
        table.add_column(name, no_wrap=True)
    for entry in shown:
        table.add_row(entry.planned.name, entry.state, *_progress(entry))
    counts = {state: sum(entry.state == state for entry in entries) for state in ("done", "running", "failed")}
    line = f"{counts['done']} of {len(entries)} runs are done, {counts['running']} under way"
    line += f", {counts['failed']} failed" if counts["failed"] else ""
    return Group(table, Text(line))


def _progress(entry: Entry) -> tuple[str, str]:
    """Of a run that is trained by epochs."""
    training = entry.planned.recipe.training
    lines = [] if entry.state == "waiting" or training is None else entry.log
    if not lines:
        return "", ""
    assert training is not None
    best = next((line for line in reversed(lines) if line["is_best"]), None)
    told = ""
    if best is not None:
        metric = training.monitor if training.monitor in best["valid"] else next(iter(best["valid"]))
        told = f"{metric} {best['valid'][metric]:.4f} (epoch {best['epoch']})"
    return f"{lines[-1]['epoch']} of {training.epochs}", told
