"""Before: the run that an update goes on from, kept in the folder of the update until that is finished, and after.

update.json  which run it was, what is new, and what was asked, by which the same call is known again
before/      the recipe, sizes, ids and weights of that run, of which `load` opens the model

So an update that was stopped goes on without the older folder, and gives the same weights.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from os.path import lexists
from pathlib import Path
from typing import Any

from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.models.base import Recommender, Trained
from nextitem.models.growing import grow
from nextitem.models.older import Older
from nextitem.processes import Processes
from nextitem.recipe import Recipe
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.folder.run_folder import BEFORE, UPDATE, RunFolder
from nextitem.training.shapes import UpdateShape, read_json
from nextitem.writing import make_folder, write


def keep_before(folder: Path, run: Run, note: dict[str, Any]) -> None:
    """Keep a run in a folder that begins, and what is to be said of the update."""
    make_folder(folder / BEFORE, inside=folder)
    kept, was = RunFolder(folder / BEFORE), RunFolder(run.folder)
    kept.write_ids(run.items, run.users)
    data = was.read_data()
    kept.write_data(data, data.get("directory"))
    kept.write_recipe(run.recipe)
    kept.write_weights(run.model.state_dict())
    write(folder / UPDATE, (json.dumps(note, ensure_ascii=False) + "\n").encode())


def read_note(folder: Path) -> dict[str, Any]:
    """Raises InputError where update.json is missing or damaged."""
    return read_json(folder / UPDATE, UpdateShape)


def read_before(folder: RunFolder, recipe: Recipe, processes: Processes) -> Run | None:
    """The run that this one goes on from; None of one that begins with first weights.

    Raises:
        InputError: it is damaged, or there are several processes.
    """
    if processes.from_first(lambda: b"1" if lexists(folder.path / UPDATE) else b"") == b"":
        return None
    if processes.size > 1:
        raise InputError(
            f"{folder.path} is an update of another run, which one process makes; start it without torchrun"
        )
    return load(folder.path / BEFORE, models=() if recipe.model.own is None else (recipe.model.own,))


def told_of(folder: RunFolder, model: Recommender, before: Run, split: Split) -> dict[str, Any]:
    """Go on from a run, and what the report says of that."""
    note = read_note(folder.path)
    kept = {key: note[key] for key in ("of", "interactions", "users", "items")}
    begun = go_on(model, before, split, before.recipe.model.label)
    return {**kept, "begun": begun, "unknown_cases": unknown_cases(before, split), "cases": len(split.test)}


def go_on(model: Recommender, before: Run, split: Split, name: str) -> dict[str, Any]:
    """Give a model that is trained the weights of the run before, and say how the rows of what is new begin; one that
    is fitted has learned anew, of which there is nothing to say."""
    if not isinstance(model, Trained):
        return {}
    weights = before.model.state_dict()
    begun = grow(model, weights, split.training_data, len(before.users), len(before.items), name)
    return {what: asdict(one) for what, one in begun.items()}


def beside_of(before: Run, split: Split) -> dict[str, Recommender]:
    """The older model as one that is evaluated on the same cases, by its name in tables."""
    return {f"{before.recipe.model.label} before": Older(before.model, len(before.users), split.num_items)}


def unknown_cases(before: Run, split: Split) -> int:
    """Test cases that are misses of the older model whatever it scores: of a user or a target unknown to it."""
    test = split.test
    is_unknown = split.test.target.padded(None).max(1) > len(before.items)
    if before.model.knows_users and not before.model.takes_strangers:
        is_unknown |= test.users > len(before.users)
    return int(is_unknown.sum())
