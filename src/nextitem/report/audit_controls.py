"""The controls of the audit as a table: what each chain is, and what the audit said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box

from nextitem.analysis.audit import Audit
from nextitem.analysis.controls import Control
from nextitem.analysis.verdict import Estimate
from nextitem.report.tables import FittingTable


def is_right(control: Control, found: Audit) -> bool:
    return found.verdict.name == control.verdict


def controls_table(controls: Sequence[Control], found: Sequence[Audit]) -> FittingTable:
    table = FittingTable(box=box.SIMPLE_HEAD)
    for name in ("chain", "right verdict", "verdict", "order information", "last-item share", ""):
        table.add_column(name, justify="right" if name.startswith(("order", "last")) else "left")
    for control, one in zip(controls, found, strict=True):
        verdict = one.verdict
        table.add_row(
            control.name,
            control.verdict,
            verdict.name if verdict.is_sure else f"{verdict.name} (not sure)",
            _interval(verdict.order_information),
            _interval(verdict.last_item_share),
            "right" if is_right(control, one) else "WRONG",
        )
    return table


def controls_facts(controls: Sequence[Control], found: Sequence[Audit]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {"chain": control.name, "right": control.verdict, "is_right": is_right(control, one), "verdict": one.verdict}
        for control, one in zip(controls, found, strict=True)
    ]


def _interval(share: Estimate) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "undefined"
    return f"{share.value:.2f} ({share.low:.2f} to {share.high:.2f})"
