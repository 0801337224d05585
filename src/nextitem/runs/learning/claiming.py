"""Claiming: whose a run folder is, before anything is written into it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from os.path import lexists
from typing import Any

from nextitem.data.dataset import Dataset
from nextitem.errors import InputError
from nextitem.recipe import Recipe
from nextitem.recipe.checks import refuse_unused
from nextitem.runs.folder.identity import difference
from nextitem.runs.folder.locking import locked
from nextitem.runs.folder.places import directory_of
from nextitem.runs.folder.run_folder import REPORT, RunFolder
from nextitem.runs.learning import refit as refitting
from nextitem.training.fit import CHECKPOINT


def open_folder(folder: RunFolder, recipe: Recipe, again: bool, until_end: ExitStack) -> bytes:
    """Lock the folder until the end; one that holds a run must hold this one."""
    until_end.enter_context(locked(folder.path))
    if folder.has_recipe and not again:
        _refuse_other(folder, recipe)
    else:
        refuse_unused(recipe)
    return b""


def claim(
    folder: RunFolder, recipe: Recipe, dataset: Dataset, described: dict[str, Any], again: bool, refit: bool
) -> bytes:
    """Write down what the folder is for; one that is in use must be for the same data."""
    if again:  # not before the data proved good: a failed attempt leaves the older run as it was
        folder.clear()
    if not folder.has_recipe:
        _refuse_leftovers(folder)
        refitting.forget(folder)
        if refit:
            refitting.want(folder)  # before the recipe, with which there is a run to continue
        folder.write_ids(dataset.items, dataset.users, dataset.item_attributes)
        folder.write_data(described, directory_of(recipe.data))
        folder.write_bad_lines(dataset.bad_lines)
        folder.write_recipe(recipe)
    elif differs := difference(folder.read_data(), described):
        raise InputError(
            f"{folder.path} holds a run on other data than {recipe.data.source} has now ({differs}); add --again to "
            "replace it"
        )
    else:
        folder.check_ids(dataset.items, dataset.users)
    report = folder.read_report() if folder.is_finished else {}
    if "refit" in report:
        refitting.forget(folder)  # who was killed at its end left it
    elif refit:
        refitting.want(folder)
    kept = {"data": described, "code": digest(recipe), "report": report, "refit": refitting.is_wanted(folder)}
    return json.dumps(kept).encode()


def digest(recipe: Recipe) -> str | None:
    """Of the user's own code."""
    return None if recipe.model.own is None else recipe.model.own.sha256


def _refuse_leftovers(folder: RunFolder) -> None:
    """A checkpoint without a recipe is nobody knows what's, and training would continue from it."""
    for name in (CHECKPOINT, REPORT):
        if lexists(folder.path / name):
            raise InputError(
                f"{folder.path} has a {name} but no recipe.yaml: what it is of cannot be told; name another folder "
                "with --out, or add --again to replace it"
            )


def kept_name(folder: RunFolder) -> bytes:
    return json.dumps(folder.read_data()["name"]).encode()


def _refuse_other(folder: RunFolder, recipe: Recipe) -> None:
    other = folder.differences(recipe)
    if other:
        raise InputError(
            f"{folder.path} holds a run of another recipe ({'; '.join(other[:3])}); "
            "name another folder with --out, or add --again to replace it"
        )
