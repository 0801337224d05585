"""A run on labels as a table: what the model has on the test pairs, below what is known without it."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.report.tables import FittingTable
from nextitem.runs.learning.label_run import LabelRun
from nextitem.runs.learning.labelled import LabelEpoch


def labels_table(found: LabelRun) -> Group:
    """A column a measure, under the protocol."""
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", overflow="fold")
    for name in found.test:
        table.add_column(name, justify="right", no_wrap=True)
    for name, values, style in ((found.baseline, found.baseline_test, ""), (found.model, found.test, "bold")):
        figures = [f"{values[one]:.4f}" if one in values else "" for one in found.test]
        table.add_row(name, *figures, style=style)
    epoch = f"epoch {found.best_epoch}, the best on the validation pairs" if found.best_epoch else "fitted in one go"
    return Group(
        "", Text(f"Test: {found.data}, {found.pairs['test']:,} pairs", "bold"), Text(found.protocol), table, Text(epoch)
    )


def epoch_line(event: LabelEpoch) -> str:
    valid = "  ".join(f"{name} {value:.4f}" for name, value in event.valid.items())
    return f"epoch {event.number:3}  loss {event.loss:.4f}  {valid}{' *' if event.is_best else ''}"
