"""A knowledge graph as a table in the terminal."""

from __future__ import annotations

from nextitem.diagnosis.graphs import GraphMeasures
from nextitem.report.tables import FittingTable

SHOWN = 8  # relations; the others are counted


def graph_table(graph: GraphMeasures) -> FittingTable:
    """Sizes, the largest relations, and what is odd in it."""
    table = FittingTable(
        title="Knowledge graph", box=None, title_justify="left", show_header=False, pad_edge=False, title_style="bold"
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    least, low, middle, high, most = graph.degrees
    largest = list(graph.relations.items())[:SHOWN]
    others = list(graph.relations.values())[SHOWN:]
    relations = [f"{name} {count:,}" for name, count in largest]
    relations += [f"{len(others):,} others {sum(others):,}"] if others else []
    linked = graph.items_linked / max(1, graph.items)
    table.add_row("triples", f"{graph.triples:,} between {graph.entities:,} entities")
    table.add_row("items", f"{graph.items_linked:,} of {graph.items:,} items are in it ({linked:.1%})")
    table.add_row("relations", f"{len(graph.relations):,}: {', '.join(relations)}")
    table.add_row("degrees", f"{least:g} to {most:g} triples an entity; quartiles {low:g}, {middle:g}, {high:g}")
    table.add_row("components", f"{graph.components:,}, the largest of {graph.largest:,} entities")
    table.add_row(
        "oddities",
        f"{graph.self_loops:,} triples from an entity to itself, {graph.repeats:,} repeats, {graph.parallel:,} that "
        "join what another relation joins already",
    )
    return table
