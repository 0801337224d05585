"""A network of users as a table in the terminal."""

from __future__ import annotations

from nextitem.diagnosis.networks import NetworkMeasures
from nextitem.report.tables import FittingTable


def network_table(network: NetworkMeasures) -> FittingTable:
    """Who is in it, how dense it is, what is odd in it, and whether friends are alike."""
    table = FittingTable(
        title="Network of users", box=None, title_justify="left", show_header=False, pad_edge=False, title_style="bold"
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    share = network.users_joined / max(1, network.users)
    table.add_row("users", f"{network.users_joined:,} of {network.users:,} users of the log are in it ({share:.1%})")
    if network.strangers:
        table.add_row("strangers", f"{network.strangers:,} users whom the log lacks, in {network.outside:,} edges more")
    back = "" if network.reciprocity is None else f", {network.reciprocity:.1%} of them both ways"
    table.add_row("edges", f"{network.edges:,} between users of the log{back}")
    if network.users_joined:
        table.add_row("out", f"{_spread(network.out_degrees)}")
        table.add_row("in", f"{_spread(network.in_degrees)}")
    if network.clustering is not None:
        over = f"{network.clustering_users:,} users with two friends or more"
        table.add_row("clustering", f"{network.clustering:.3f} of the pairs of a user's friends are friends ({over})")
    table.add_row("components", f"{network.components:,}, the largest of {network.largest:,} users")
    table.add_row("oddities", f"{network.self_loops:,} edges of a user to themselves, {network.repeats:,} repeats")
    agreement = network.agreement
    ranks = ", ".join(_figure(rank) for rank in (agreement.rank_out, agreement.rank_in))
    table.add_row("numbering", f"shared items {_figure(agreement.ratio)} of chance; Spearman out, in: {ranks}")
    table.add_row("homophily", _homophily(network))
    return table


def _homophily(network: NetworkMeasures) -> str:
    found = network.homophily
    if found is None:
        return "not to be told: no two random users share an item, or hardly anybody has a friend"
    return (
        f"friends are {found.ratio:.2f} times as alike as others ({found.low:.2f} to {found.high:.2f}): Jaccard "
        f"{found.friends:.4f} against {found.others:.4f}, {found.edges:,} edges"
    )


def _spread(degrees: tuple[float, ...]) -> str:
    least, low, middle, high, most = degrees
    return f"{least:g} to {most:g} friends; quartiles {low:g}, {middle:g}, {high:g}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
