"""What the data doctor says, as tables in the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.text import Text

from nextitem.diagnosis.compare import Candidate, Comparison
from nextitem.diagnosis.cores import Left
from nextitem.diagnosis.examine import Examination
from nextitem.diagnosis.finding import Finding
from nextitem.diagnosis.leaks import SplitLeaks
from nextitem.diagnosis.measures import Histogram, Measures, Ties
from nextitem.report.graph import graph_table
from nextitem.report.network import network_table
from nextitem.report.tables import FittingTable, indented

STYLES = {"serious": "bold red", "warning": "bold yellow", "note": "bold cyan"}
LEAKS = (
    "seen before: cases whose history holds a target; new: items and users that training has not; later: training "
    "interactions after a target, on average, and after the first"
)
WIDTH = 30  # of the longest bar
YEAR_9999 = 253_402_300_799  # seconds; later ones are no date


def examination_report(examined: Examination) -> Group:
    measures = examined.measures
    shown: list[RenderableType] = [
        Text(f"Data: {examined.name}", "bold"),
        Text(examined.origin, "dim"),
        _measures_table(measures, examined.ties),
        bars("interactions a user", "users", measures.lengths),
        bars("interactions an item", "items", measures.popularity),
        Text("What a core leaves (users and items with so many interactions)", "bold"),
        _core_table(examined.cores, measures),
        Text("What a split leaks (test cases)", "bold"),
        Text(LEAKS, "dim"),
        _leak_table(examined.leaks),
        *(Text(f"no such split: {reason}", "dim") for reason in examined.unsplit),
        *([] if examined.knowledge is None else [graph_table(examined.knowledge)]),
        *([] if examined.trust is None else [network_table(examined.trust)]),
        Text("Findings" if examined.findings else "Findings: none", "bold"),
        *(finding(one) for one in examined.findings),
    ]
    return Group(*shown)


def comparison_report(found: Comparison, candidates: list[Candidate] | None = None) -> Group:
    answer = {
        "equal": "equal, id by id" if found.same_names else "equal up to relabelling: other ids, the same data",
        "different": "different",
        "undecided": "undecided: too many users that nothing tells apart",
    }[found.equality]
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in (f"A: {found.name_a}", f"B: {found.name_b}"):
        table.add_column(name, justify="right", overflow="fold")
    a, b = found.a, found.b
    for title, left, right in (
        ("users", f"{a.users:,}", f"{b.users:,}"),
        ("items", f"{a.items:,}", f"{b.items:,}"),
        ("interactions", f"{a.interactions:,}", f"{b.interactions:,}"),
        ("repeats", f"{a.repeats:,}", f"{b.repeats:,}"),
        ("shortest, longest user", *(f"{one.length_range[0]:,}, {one.length_range[1]:,}" for one in (a, b))),
        ("item ids", found.numbering_a, found.numbering_b),
    ):
        table.add_row(title, left, right, style=None if left == right else "yellow")
    shown: list[RenderableType] = [Text.assemble(("A and B are ", "bold"), (answer, "bold")), table]
    if a.lengths != b.lengths:
        shown.append(_two_histograms("interactions a user", a.lengths, b.lengths))
    if a.popularity != b.popularity:
        shown.append(_two_histograms("interactions an item", a.popularity, b.popularity))
    if found.alignment is not None:
        shown.append(_alignment(found))
    if candidates is not None:
        shown.append(_candidates(candidates))
    return Group(*shown)


def bars(title: str, of: str, histogram: Histogram) -> FittingTable:
    """Bins as bars, empty ones at the ends left out."""
    table = FittingTable(
        title=title, box=None, title_justify="left", show_header=False, pad_edge=False, title_style="bold"
    )
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    counts, labels = histogram.counts, histogram.labels()
    first = next(place for place, count in enumerate(counts) if count)
    for label, count in zip(labels[first:], counts[first:], strict=True):
        length = round(WIDTH * count / max(counts))
        table.add_row(label, "█" * length or ("▏" if count else ""), f"{count:,} {of}")
    return table


def _measures_table(measures: Measures, ties: Ties | None) -> FittingTable:
    table = FittingTable(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    low, middle, high = measures.length_quartiles
    shortest, longest = measures.length_range
    table.add_row("users", f"{measures.users:,}")
    table.add_row("items", f"{measures.items:,}")
    table.add_row("interactions", f"{measures.interactions:,} (density {measures.density:.4%})")
    table.add_row("length", f"{shortest:,} to {longest:,}; quartiles {low:g}, {middle:g}, {high:g}")
    table.add_row(
        "popularity", f"the most popular 1 % of the items have {measures.popular_share:.1%} of the interactions"
    )
    table.add_row("repeats", f"{measures.repeats:,} ({measures.duplicates:,} of them at the same time)")
    table.add_row("time", _span(measures.time_span))
    if ties is not None:
        table.add_row(
            "ties", f"{ties.interactions:,} interactions of {ties.users:,} users share their time with another"
        )
    return table


def _core_table(cores: list[Left], measures: Measures) -> FittingTable:
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False, labels=2)
    for title in ("core", "cut", "users", "items", "interactions", "users lost", "still short"):
        table.add_column(title, justify="left" if title == "cut" else "right", no_wrap=True)
    for one in cores:
        lost = measures.users - one.users
        table.add_row(
            str(one.core), one.mode, f"{one.users:,}", f"{one.items:,}", f"{one.interactions:,}",
            f"{lost:,} ({lost / measures.users:.0%})", f"{one.short_users:,}",
        )  # fmt: skip
    return table


def _leak_table(leaks: list[SplitLeaks]) -> FittingTable:
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    titles = ("split", "users", "targets", "seen before", "new items", "new users", "later, mean", "later, first")
    for title in titles:
        table.add_column(title, justify="left" if title == "split" else "right")
    for one in leaks:
        shares = (one.seen_before / one.cases, one.unknown_items, one.unknown_users, one.later_training, one.future)
        told = ("-" if share is None else f"{share:.1%}" for share in shares)
        table.add_row(one.keys, f"{one.users:,}", f"{one.targets:,}", *told)
    return table


def finding(one: Finding) -> Group:
    """What was found, why it matters, and the way out."""
    return Group(
        Text.assemble((f"{one.severity}: {one.about}", STYLES[one.severity])),
        indented(Text(one.found)),
        indented(Text(f"why it matters: {one.why}", "dim")),
        indented(Text(f"way out: {one.way_out}")),
    )


def _two_histograms(title: str, a: Histogram, b: Histogram) -> FittingTable:
    table = FittingTable(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, title_style="bold")
    for name in ("", "A", "B", "B - A"):
        table.add_column(name, justify="right", no_wrap=True)
    longer = a if len(a.tops) >= len(b.tops) else b
    for place, label in enumerate(longer.labels()):
        left, right = (one.counts[place] if place < len(one.counts) else 0 for one in (a, b))
        if left or right:
            table.add_row(label, f"{left:,}", f"{right:,}", f"{right - left:+,}" if left != right else "")
    return table


def _alignment(found: Comparison) -> Group:
    aligned = found.alignment
    assert aligned is not None
    ties = (
        "" if aligned.reordered_in_ties is None else f" ({aligned.reordered_in_ties:,} of them only within equal times)"
    )
    lines = [
        f"matched by {aligned.by}:",
        f"  {aligned.same:,} users have the same sequence in both",
        f"  {aligned.reordered:,} the same items in another order{ties}",
        f"  {aligned.changed:,} other items",
        f"  {aligned.users_only_a:,} users and {aligned.items_only_a:,} items of A, {aligned.users_only_b:,} users and "
        f"{aligned.items_only_b:,} items of B have no partner",
    ]
    for place in aligned.places:
        left, right = ("its end" if item is None else f"item {item}" for item in (place.item_a, place.item_b))
        lines.append(
            f"  first difference of user {place.user_a} (B: {place.user_b}) at position {place.position}: "
            f"{left}, in B {right}"
        )
    return Group(*(Text(line) for line in lines))


def _candidates(candidates: list[Candidate]) -> Group:
    table = FittingTable(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("user_core", "item_core", "core", "users", "items", "interactions", "against A"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in candidates:
        answer = "equal up to relabelling" if one.equality == "equal" else one.equality
        table.add_row(
            str(one.user_core), str(one.item_core), one.mode, f"{one.users:,}", f"{one.items:,}",
            f"{one.interactions:,}", answer,
        )  # fmt: skip
    return Group(Text("Cores of B that come to A, or nearest to it", "bold"), table)


def _span(span: tuple[int, int] | None) -> str:
    if span is None:
        return "no timestamps: file order"
    return " to ".join(
        f"{datetime.fromtimestamp(one, UTC):%Y-%m-%d %H:%M}" if 0 <= one <= YEAR_9999 else f"{one:,}" for one in span
    )
