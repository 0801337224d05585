"""Explanations as tables: the paths that lead to an item, or the items of a history, and what each carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.text import Text

from nextitem.report.tables import FittingTable
from nextitem.runs.asking.explain import Explanation
from nextitem.runs.asking.influence import Influenced


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


def influence_table(found: Influenced, called: Mapping[object, str], count: int) -> Group:
    """An item, where it stands, and the `count` items of the history without which its score loses most."""
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("loss", justify="right", no_wrap=True)
    table.add_column(f"of the score, without each of {_which(found, count)} of the history", overflow="fold")
    for one in found.influences[:count]:
        table.add_row(f"{one.amount:+.4f}", _name(one.item, called))
    return Group(_title(found, called), table)


def attention_table(found: Sequence[Influenced], called: Mapping[object, str], count: int) -> Group:
    """Items, where they stand, and the `count` items of the history of which most is taken: for all the same."""
    first = found[0]
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column(f"that the last attention takes of {_which(first, count)} of the history", overflow="fold")
    for one in first.influences[:count]:
        table.add_row(f"{one.amount:.1%}", _name(one.item, called))
    if round(first.elsewhere, 3):
        table.add_row(f"{first.elsewhere:.1%}", "of no item, such as the mask that stands for the next one")
    return Group(*(_title(one, called) for one in found), table)


def _title(found: Influenced, called: Mapping[object, str]) -> Text:
    place = "of the history itself" if found.rank is None else f"place {found.rank:,} of {found.num_ranked:,}"
    return Text(f"{_name(found.item, called)}: {place}, score {found.score:.4f}", "bold")


def _which(found: Influenced, count: int) -> str:
    total = len(found.influences)
    return f"the first {count} of {total:,} items" if total > count else "the items"


def _name(item: object, called: Mapping[object, str]) -> str:
    return f"{called[item]} ({item})" if item in called else str(item)
