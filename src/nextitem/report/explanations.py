"""Explanations as tables: the paths that lead to an item, and what each carries."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.report.tables import FittingTable
from nextitem.runs.asking.explain import Explanation


def explanation_table(found: Explanation) -> Group:
    """An item, where it stands for the user, and its paths."""
    place = "met already" if found.rank is None else f"place {found.rank:,} of {found.num_ranked:,}"
    title = Text(f"{found.name} for {found.user}: {place}", "bold")
    if not found.reasons:
        return Group(title, Text("no path of one edge or two leads there from what the user has met"), Text(""))
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("share", justify="right", no_wrap=True)
    how_many = "the only path" if found.num_paths == 1 else f"the best of {found.num_paths:,} paths"
    table.add_column(f"{how_many} from what the user has met", overflow="fold")
    for reason in found.reasons:
        table.add_row(f"{reason.share:.1%}", str(reason))
    return Group(title, table)
