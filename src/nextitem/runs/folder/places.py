"""Places: where the data of a finished or interrupted run is now, whose recipe names it as it was typed."""

from __future__ import annotations

import os
from pathlib import Path

from nextitem.data.log.shards import is_there
from nextitem.data.sources.public import PUBLIC_DATA
from nextitem.data.sources.side_tables import ATTRIBUTES
from nextitem.data.synthetic import SYNTHETIC
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe

FILES = {
    "source", "valid_file", "test_file", "user_ids", "item_ids",
    "user_table", "item_table", "knowledge", "links", "trust",
}  # fmt: skip
ALL = FILES | {"folder"}


def directory_of(recipe: DataRecipe) -> str | None:
    """The working directory, which a run must remember if its recipe names a file by its way from there."""
    relative = [name for name in _named(recipe).values() if not Path(os.path.expanduser(name)).is_absolute()]
    return str(Path.cwd()) if relative else None


def placed(
    recipe: DataRecipe, directory: str | None, run: Path, data: str | None = None, option: str = "--data FILE"
) -> DataRecipe:
    """The recipe with names that lead to the files from here: first from the `directory` where the run was made, then
    from the working directory. `data` is a new place of the source; what stands beside it is taken from there;
    `option` is what names it on the command line.

    Raises:
        InputError: a file is at none of these places.
    """
    new = {} if data is None else {"source": data}
    beside = None if data is None else Path(os.path.expanduser(data))
    if beside is not None and not beside.is_dir():
        beside = beside.parent
    for key, name in _named(recipe).items():
        if key in new:
            continue
        places = [Path(os.path.expanduser(name))]
        if directory is not None:
            places.insert(0, Path(directory, *places))  # an absolute name stays as it is
        if beside is not None:
            places.insert(0, beside / places[-1].name)
        there = [place for place in places if is_there(place)]
        if not there and key != "folder":
            raise InputError(_missing(key, name, directory, run, option))
        new[key] = str(there[0]) if there else name
    return recipe.model_copy(update=new)


def _named(recipe: DataRecipe) -> dict[str, str]:
    """The names of files and folders in the recipe, by key; a public data set's name is none."""
    names: dict[str, str] = recipe.model_dump(include=ALL, exclude_none=True)
    if names["source"] in PUBLIC_DATA or names["source"] in SYNTHETIC:
        del names["source"]
    if names.get("knowledge") == ATTRIBUTES:
        del names["knowledge"]
    return names


def _missing(key: str, name: str, directory: str | None, run: Path, option: str) -> str:
    if Path(os.path.expanduser(name)).is_absolute():
        where = "is no longer there"
    elif directory is None:
        where = f"is not in {Path.cwd()}, and where the run was made is not known"
    else:
        where = f"is neither in {directory}, where the run was made, nor in {Path.cwd()}"
    return f"data.{key}: {name}, which {run} was made of, {where}; name the place of its log now with {option}"
