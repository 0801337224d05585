"""Near: the items nearest to a few, by name where there are titles; what a model holds to be alike, for the eye."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from nextitem.data.side.titles import titles_of
from nextitem.data.sources.side_tables import read_table
from nextitem.errors import InputError
from nextitem.report.page import Table
from nextitem.runs.asking.nearest import By
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.similar import has_vectors

ASKED, NEIGHBOURS = 6, 5


def titles_in(file: Path) -> dict[str, str]:
    """What each item is called, by its id as text, in a table whose first column is the ids.

    Raises:
        InputError: the file cannot be read, or has no column of titles.
    """
    table = read_table(file, "items")
    plain = [column.partition(":")[0] for column in table.columns[1:]]
    titles = titles_of(table.select(table.columns[1:]).rename(dict(zip(table.columns[1:], plain, strict=True))))
    if titles is None:
        raise InputError(
            f"{file.name} has no column of titles (title, movie_title, name, ..); it has "
            f"{', '.join(plain) or 'ids alone'}"
        )
    return named_by(table[table.columns[0]], titles)


def titles_of_run(run: Run) -> dict[str, str]:
    """What the run keeps of them; empty where its data had none."""
    return {} if run.titles is None else named_by(run.items.column, run.titles)


def named_by(ids: pl.Series, titles: pl.Series) -> dict[str, str]:
    pairs = zip(ids.to_list(), titles.to_list(), strict=True)
    return {str(item): title for item, title in pairs if title}


def nearest_table(run: Run, titles: Mapping[str, str]) -> Table | None:
    """Some items from the most met to the least, and those nearest to each; None of a run that cannot tell them: its
    model has no vectors of items, and it keeps no histories to count in."""
    has_histories = run.recipe.evaluation.keep_histories
    if not has_vectors(type(run.model)) and not has_histories:
        return None
    by: By = "vectors" if has_vectors(type(run.model)) else "counts"
    k = min(NEIGHBOURS, len(run.items) - 1)
    if k < 1:
        return None
    rows = []
    for number in _asked(run, has_histories):
        (item,) = run.items.ids(np.array([number]))
        try:
            found = run.similar(item, k, by)
        except InputError:  # nothing is known of the item
            continue
        near = [
            f"{_named(one, titles)} ({value:.2f})" for one, value in zip(found.items, found.similarities, strict=True)
        ]
        rows.append([_named(item, titles), "; ".join(near)])
    how = "cosine of the model's item vectors" if by == "vectors" else "users of both over the root of their product"
    which = "From much to little met" if has_histories else "By number"
    return Table("Nearest items", ["item", "nearest"], rows, f"{which}; in brackets the {how}.")


def _asked(run: Run, has_histories: bool) -> list[int]:
    """Numbers of items, evenly from the most met on to the middle; without histories the first ones."""
    if not has_histories:
        return list(range(1, min(ASKED, len(run.items)) + 1))
    order = np.argsort(-run.popularity[1:], kind="stable") + 1
    places = np.linspace(0, (len(order) - 1) / 2, min(ASKED, len(order))).round().astype(np.int64)
    return [int(order[place]) for place in dict.fromkeys(places.tolist())]


def _named(item: object, titles: Mapping[str, str]) -> str:
    return titles.get(str(item), str(item))
