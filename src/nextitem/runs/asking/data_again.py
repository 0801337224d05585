"""Data again: what a finished run was trained on, read once more for what the run does not keep."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nextitem.data.dataset import Dataset
from nextitem.errors import InputError
from nextitem.recipe import Recipe
from nextitem.runs.folder.identity import describe_data, difference
from nextitem.runs.folder.opened import Opened
from nextitem.runs.folder.places import placed
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.parts import build


def read_again(folder: Path, recipe: Recipe, data: str | None = None, option: str = "--data FILE") -> Dataset:
    """The data of a finished run, from `data` if it moved there; `option` is what says so on the command line.

    Raises:
        InputError: the run is not finished, or its data is no longer what it was trained on.
    """
    run_folder = RunFolder(folder)
    kept = run_folder.read_data()
    run_folder.read_report()  # refuses a run that is not finished
    place = placed(recipe.data, kept.get("directory"), folder, data, option)
    dataset, _ = build.build_dataset(place)
    if differs := difference(kept, describe_data(dataset)):
        raise InputError(
            f"{place.source} is no longer the data that {folder} was trained on: {differs}; name the place of that "
            f"data with {option}, or train again with --again"
        )
    return dataset


def item_table(run: Opened) -> pl.DataFrame:
    """The attributes of the items of a run's data, row p those of item p + 1.

    Raises:
        InputError: the data has none, or is no longer what the run was trained on.
    """
    table = read_again(run.folder, run.recipe, run.data_place).item_attributes
    if table is None:
        raise InputError(
            f"the data of {run.folder} has no attributes of items; train on data that has: --data.item_table FILE, or "
            "what stands beside a log with --data.side beside"
        )
    return table


def column_of(table: pl.DataFrame, name: str) -> pl.Series:
    """Raises InputError where there is no such attribute."""
    if name not in table.columns:
        raise InputError(f"items have no attribute {name!r}, found {', '.join(table.columns)}; name one of them")
    return table[name]
