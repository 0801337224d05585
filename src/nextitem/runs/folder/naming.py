"""Naming: the folder of a run that nobody has named."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from nextitem.data.log.shards import folder_name
from nextitem.recipe import Recipe
from nextitem.runs.folder.run_folder import RunFolder


def stem_of(recipe: Recipe) -> str:
    """`MODEL-DATA`."""
    return f"{recipe.model.name.rpartition(':')[2]}-{folder_name(recipe.data.source)}"


def free_folder(parent: Path, recipe: Recipe) -> Path:
    """`parent/MODEL-DATA`, or with -2, -3, .. the first that is free or holds a run of this very recipe."""
    stem = stem_of(recipe)
    for number in count(1):
        path = parent / (stem if number == 1 else f"{stem}-{number}")
        folder = RunFolder(path)
        if not folder.has_recipe or not folder.differences(recipe):
            return path
    raise AssertionError("count never ends")
