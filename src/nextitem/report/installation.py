"""What an installation gives a run, as a table in the terminal; problems once more at its end, with the way out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from nextitem.installation.fact import Fact
from nextitem.report.tables import FittingTable, indented

STYLES = {"good": "", "missing": "cyan", "slow": "yellow", "broken": "bold red"}
MEANING = {
    "broken": "Broken: runs will fail, or be wrong",
    "slow": "Slower than need be",
    "missing": "Missing: what it is for can't be done, everything else can",
}


def installation_report(facts: Sequence[Fact]) -> Group:
    shown: list[RenderableType] = []
    for about, found in groupby(facts, key=lambda fact: fact.about):
        table = FittingTable(box=None, show_header=False, padding=(0, 2, 0, 1), pad_edge=True)
        table.add_column("", no_wrap=True)
        table.add_column("", overflow="fold")
        for fact in found:
            table.add_row(fact.name, Text(fact.found, STYLES[fact.verdict]))
        shown += [Text(about, "bold"), table]
    for verdict, meaning in MEANING.items():
        wrong = [fact for fact in facts if fact.verdict == verdict]
        if wrong:
            shown.append(Text(meaning, "bold"))
            shown += [indented(Text(f"{fact.name}: {fact.found}; {fact.way}")) for fact in wrong]
    if all(fact.verdict in ("good", "missing") for fact in facts):
        shown.append(Text("All that is installed works.", "bold"))
    return Group(*shown)
