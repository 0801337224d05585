"""Attribute graph: what is known of items, as triples: a product, its brand, `brand=Acme`."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from nextitem.data.ids import IdMap
from nextitem.errors import InputError

NEARLY_EVERY = 0.9  # of the items that have a value: a column of which more have one of their own is a title, or an id
SHARED = 2  # items that a value is of, on average: from here on a list joins items, however many lists there are


def attribute_triples(
    table: pl.DataFrame, items: IdMap, asked: Collection[str] = ()
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Triples (head, relation, tail) and links (item, entity) of a table with a row an item, and what is to be said.

    A value of a column, or each of a list, is the entity "column=value", which the relation of the column's name joins
    to the item; null makes no triple. Columns of numbers are left out, since nothing says into which ranges to cut
    them; so are those with a value of its own for nearly every item, unless they are among the `asked`.

    Raises:
        InputError: no column is left.
    """
    ids, triples, numbers, own = items.column.cast(pl.String), list[pl.DataFrame](), list[str](), list[str]()
    for name, column in zip(table.columns, table.get_columns(), strict=True):
        kind = column.dtype.inner if isinstance(column.dtype, pl.List) else column.dtype
        if not (kind == pl.Boolean or isinstance(kind, pl.String | pl.Categorical | pl.Enum)):
            numbers.append(name)
        elif name not in asked and _is_own(column):
            own.append(name)
        else:
            triples.append(_triples_of(column, ids, name))
    notes = []
    if numbers:
        notes.append(f"columns of numbers make no entities: {', '.join(numbers)}; write ranges as text to have them")
    if own:
        notes.append(
            f"columns with a value of its own for nearly every item make no entities: {', '.join(own)}; "
            "data.knowledge_relations names them to have them"
        )
    edges = pl.concat(triples) if triples else pl.DataFrame()
    if not len(edges):
        raise InputError(
            f"data.knowledge attributes: no column of the items' table makes entities ({'; '.join(notes) or 'none'})"
        )
    linked = edges["head"].unique(maintain_order=True)
    return edges, pl.DataFrame({"item": linked, "entity": linked}), notes


def _triples_of(column: pl.Series, ids: pl.Series, name: str) -> pl.DataFrame:
    rows = pl.DataFrame({"head": ids, "value": column})
    if isinstance(column.dtype, pl.List):
        rows = rows.explode("value", empty_as_null=False)
    rows = rows.with_columns(pl.col("value").cast(pl.String)).filter(pl.col("value").str.strip_chars() != "")
    tail = pl.concat_str(pl.lit(f"{name}="), "value")
    return rows.select("head", relation=pl.lit(name), tail=tail).unique(maintain_order=True)


def _is_own(column: pl.Series) -> bool:
    """Whether nearly every item has a value of its own, and values, such as words of a title, are of few items."""
    values = column.drop_nulls()
    if not len(values):
        return False
    whole, single = values, values.cast(pl.String) if not isinstance(values.dtype, pl.List) else values
    if isinstance(values.dtype, pl.List):
        texts = values.cast(pl.List(pl.String))
        whole, single = texts.list.sort().list.join("\0"), texts.explode(empty_as_null=False).drop_nulls()
    return bool(whole.is_unique().mean() > NEARLY_EVERY and len(single) / max(1, single.n_unique()) < SHARED)  # type: ignore[operator]
