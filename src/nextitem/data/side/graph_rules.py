"""Graph rules: which triples of a knowledge graph are kept, before anything is numbered."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from nextitem.errors import InputError, suggest


@dataclass(frozen=True)
class GraphRules:
    """What is kept of a knowledge graph, as the recipe keys `data.knowledge_relations` and its kin have it."""

    relations: tuple[str, ...] = ()  # these alone; none: all
    without: tuple[str, ...] = ()  # these not
    min_degree: int = 0  # entities in fewer triples go, items never


def distinct(edges: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Each triple once, where it stands first; and what is to be said of it."""
    once = edges.unique(maintain_order=True, keep="first")
    repeats = len(edges) - len(once)
    return once, [f"{repeats:,} of {len(edges):,} triples repeat another exactly and are dropped"] if repeats else []


def of_relations(edges: pl.DataFrame, rules: GraphRules) -> tuple[pl.DataFrame, list[str]]:
    """The triples of the relations that are wanted.

    Raises:
        InputError: the graph has no relation of a name, both keys are given, or nothing is left.
    """
    if not (rules.relations or rules.without):
        return edges, []
    if rules.relations and rules.without:
        raise InputError(
            "data.knowledge_relations says what stays and data.knowledge_except what goes; give one of them"
        )
    there = edges["relation"].unique().sort().to_list()
    for name in (*rules.relations, *rules.without):
        if name not in there:
            raise InputError(f'the knowledge graph has no relation "{name}"; {suggest(name, there)}')
    is_kept = pl.col("relation").is_in(rules.relations) if rules.relations else ~pl.col("relation").is_in(rules.without)
    kept = edges.filter(is_kept)
    if not len(kept):
        raise InputError(f"data.knowledge_except leaves nothing of the graph, which has {', '.join(there)}; keep one")
    num = kept["relation"].n_unique()
    return kept, [f"{len(kept):,} of {len(edges):,} triples kept, of {num:,} of {len(there):,} relations"]


def dense(edges: pl.DataFrame, items: pl.Series, min_degree: int) -> tuple[pl.DataFrame, list[str]]:
    """Without entities that are in fewer than `min_degree` triples, again and again until none is left. Entities of
    `items` stay; a triple from an entity to itself counts once.

    Raises:
        InputError: nothing is left.
    """
    left, dropped = edges, 0
    while min_degree > 1:
        ends = pl.concat([left["head"], left.filter(pl.col("head") != pl.col("tail"))["tail"].alias("head")])
        counts = ends.value_counts(name="degree").filter(pl.col("degree") < min_degree)
        few = counts.join(items.alias("head").to_frame(), on="head", how="anti").select("head")
        if not len(few):
            break
        dropped += len(few)
        left = left.join(few, on="head", how="anti", maintain_order="left")
        left = left.join(few, left_on="tail", right_on="head", how="anti", maintain_order="left")
    if not len(left):
        raise InputError(f"data.knowledge_min_degree {min_degree} leaves no triple of {len(edges):,}; lower it")
    if not dropped:
        return left, []
    gone = len(edges) - len(left)
    return left, [f"{dropped:,} entities in fewer than {min_degree} triples dropped, with {gone:,} triples"]
