"""update: a finished run goes on with newer interactions, users and items, as a new run folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from os.path import lexists
from pathlib import Path
from typing import Any

from narwhals.typing import IntoFrame
from pydantic import ValidationError

from nextitem.data.appending import Appended, append
from nextitem.data.dataset import Dataset
from nextitem.data.log.filters import min_rating
from nextitem.data.log.interactions import Interactions
from nextitem.data.sources.formats.roles import asked_roles
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.tables_in_memory import read_frame
from nextitem.errors import InputError, expect
from nextitem.models.base import Trained
from nextitem.models.catalogue import MADE
from nextitem.models.growing import refuse_ungrown
from nextitem.models.own import Given
from nextitem.recipe import DataRecipe, Recipe, make_recipe
from nextitem.replacing import new_folder
from nextitem.runs.asking.data_again import read_again
from nextitem.runs.asking.recommend import Run, load
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.folder.places import directory_of
from nextitem.runs.folder.run_folder import UPDATE, RunFolder
from nextitem.runs.learning.before import go_on, keep_before, read_note
from nextitem.runs.learning.fit import run as run_to_the_end
from nextitem.runs.parts import build
from nextitem.runs.parts.threads import take_threads
from nextitem.training.shapes import MEND

EPOCHS = 3
DATA = "data"  # the folder of the data set, older and newer together
# How a log is read and which of its rows stay; cores and ranges of time are of the log that a run began with.
READING = (
    "format", "separator", "quote", "user", "item", "timestamp", "rating", "time_format", "engine", "bad_lines",
    "min_rating", "duplicates", "weight",
)  # fmt: skip


def update(
    folder: str | Path,
    data: str | Path | IntoFrame,
    out: str | Path,
    *,
    epochs: int = EPOCHS,
    refit: bool = False,
    past: str | None = None,
    models: Sequence[Given] = (),
) -> Run:
    """Go on training a finished run with newer interactions, and open the run folder `out` that is made of it.

        run = ni.update("runs/monday", "tuesday.csv", "runs/tuesday")
        print(run.report["test"], run.report["baselines"])

    `data` holds the new interactions alone, as a file or a frame with the columns of the run's own log. Old users and
    items keep their numbers, new ones follow. The rows of new ones in the tables of the model begin at the mean of
    their neighbours, or of all (`report["update"]` counts both); then the model is trained for at most `epochs`, from
    the weights that recommend, with an optimizer that begins anew. The newest new interaction of each user is the test
    and the one before it the validation; the older model is among the baselines, and what it does not know counts as a
    miss. Models that are fitted in one go are fitted anew.

    The same call after a kill goes on, and after the end opens `out`. `refit` goes on from the same weights with all
    data, once it is evaluated. `past` is where the run's data is now, if it moved, and `models` are classes of your
    own, as for `ni.load`.

    Raises:
        InputError: the run's data is no longer what it was trained on; new interactions are of the past; the model
            cannot grow; or `out` holds something else.
    """
    expect("out", out, (str, Path), "name the folder to write")
    recipe = begin_update(Path(folder), data, Path(out), epochs, past, models)
    return run_to_the_end(recipe, out, refit=refit)


def begin_update(
    folder: Path,
    data: str | Path | IntoFrame,
    out: Path,
    epochs: int = EPOCHS,
    past: str | None = None,
    models: Sequence[Given] = (),
) -> Recipe:
    """The run folder of an update, made ready for `run`, which trains it; the recipe of that. See `update`."""
    run = load(folder, models=models)
    if run.recipe.model.name in MADE:
        raise InputError(
            f"{folder} is a {run.recipe.model.label} of other runs; update these, and make it of them anew"
        )
    if run.recipe.training is not None:
        refuse_ungrown(run.model, run.recipe.model.label)
    older = read_again(folder, run.recipe, past, "--past FILE")
    reading = _reading(folder, run.recipe)
    appended = append(older, _newer(data, reading), reading.duplicates == "first")
    wanted = run.model.wanted()
    if (wanted.times or wanted.asked_at) and appended.dataset.time_unit != run.time_unit:
        raise InputError(
            f"{run.recipe.model.label} goes by times in {run.time_unit}, and the new ones are finer; write them alike"
        )
    recipe = _recipe(run.recipe, out, epochs)
    asked = _digest(run, appended.dataset, recipe)
    if lexists(out):
        _refuse_other(out, asked)
        return recipe
    _write(run, appended, recipe, out, asked, reading)
    return recipe


def from_first_weights(recipe: Recipe, out: Path) -> Recipe:
    """The recipe of an update whose folder stands, for a run that begins with first weights: as long as the run that
    the updates began with.

    Raises:
        InputError: that is as long as the update, so that nothing tells the two apart.
    """
    length = read_note(out)["length"]
    if recipe.training is None or recipe.training.epochs == length["epochs"]:
        raise InputError(
            f"a run from nothing has {length['epochs']} epochs, as many as this update, and runs of one recipe "
            "cannot be told apart; take another number with --epochs"
        )
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=length)})


def _reading(folder: Path, recipe: Recipe) -> DataRecipe:
    """How the logs of a run are read: of an update, as those of the run that it began with."""
    keys = recipe.data.model_dump(include=set(READING))
    if lexists(folder / UPDATE):
        keys = read_note(folder)["reading"]
    try:
        found = DataRecipe.model_validate(keys)
    except ValidationError as error:
        raise InputError(f"{folder / UPDATE} is damaged: reading has no keys of the data section; {MEND}") from error
    if found.duplicates == "last":
        raise InputError(
            f"{folder} keeps the last of a repeated pair (data.duplicates last), by which new interactions would take "
            "older ones away; train anew on the whole log with nextitem run"
        )
    return found


def _newer(data: str | Path | IntoFrame, reading: DataRecipe) -> Dataset:
    if isinstance(data, str | Path):
        opened, _ = open_data(
            str(data), format=reading.format, separator=reading.separator, quote=reading.quote,
            time_format=reading.time_format, engine=reading.engine, bad_lines=reading.bad_lines,
            user=reading.user, item=reading.item, timestamp=reading.timestamp, rating=reading.rating,
            where=reading.where, kind=reading.kind, kinds=reading.kinds,
        )  # fmt: skip
        if isinstance(opened, Dataset):
            raise InputError(f"--data {data} is prepared already; name a file with the new interactions")
        log, name = opened, Path(data).name
    else:
        roles = asked_roles(
            user=reading.user, item=reading.item, timestamp=reading.timestamp, rating=reading.rating,
            time_format=reading.time_format, where=reading.where, kind=reading.kind, kinds=reading.kinds,
        )  # fmt: skip
        log, name = read_frame(data, roles, reading.bad_lines), "the new data"
    kept: Interactions = log if reading.min_rating is None else min_rating(log, reading.min_rating)
    return Dataset.from_interactions(kept, name, reading.weight)


def _recipe(recipe: Recipe, out: Path, epochs: int) -> Recipe:
    """That of the run, for the data set and the split that stand in `out`."""
    own = () if recipe.model.own is None else (recipe.model.own,)
    layer = recipe.model_dump(mode="json", exclude={"data", "split"})
    layer["data"], layer["split"] = {"source": str(out / DATA)}, {"kind": "given", "cases": "together"}
    if recipe.training is not None:
        layer["training"] |= {"epochs": epochs, "evaluate_every": 1}
    return make_recipe(layer, models=own)


def _digest(run: Run, dataset: Dataset, recipe: Recipe) -> str:
    """Of all that an update depends on: the weights before, the data, and the recipe."""
    weights = sha256()
    for name, tensor in sorted(run.model.state_dict().items()):
        weights.update(name.encode())
        weights.update(tensor.contiguous().numpy().tobytes())
    parts = (weights.hexdigest(), describe_data(dataset)["sha256"], recipe.to_yaml())
    return sha256(json.dumps(parts).encode()).hexdigest()


def _length(run: Run) -> dict[str, int]:
    """Of the training that the updates began with."""
    if lexists(run.folder / UPDATE):
        kept: dict[str, int] = read_note(run.folder)["length"]
        return kept
    return {} if run.recipe.training is None else run.recipe.training.model_dump(include={"epochs", "evaluate_every"})


def _refuse_other(out: Path, asked: str) -> None:
    if not lexists(out / UPDATE) or read_note(out)["asked"] != asked:
        raise InputError(
            f"{out} exists, and is not this update (of the same run, new data and epochs); name another folder "
            "with --out"
        )


def _write(run: Run, appended: Appended, recipe: Recipe, out: Path, asked: str, reading: DataRecipe) -> None:
    """The folder as a run that has not trained an epoch yet; it appears whole."""
    take_threads(recipe.training.threads if recipe.training else None)
    split = build.build_split(recipe.split, appended.dataset, recipe.seed)
    if recipe.training is not None:  # what cannot grow is refused before there is a folder
        model = build.build_model(recipe, split)
        assert isinstance(model, Trained)
        go_on(model, run, split, recipe.model.label)
    note: dict[str, Any] = {
        "of": str(run.folder.resolve() if run.folder.is_symlink() else run.folder), "asked": asked,
        "interactions": appended.interactions, "users": appended.users,
        "items": appended.items, "length": _length(run),
        "reading": reading.model_dump(mode="json", include=set(READING)),
    }  # fmt: skip
    dataset = replace(appended.dataset, bad_lines=())
    with new_folder(out) as part:
        folder = RunFolder(part)
        dataset.save(part / DATA)
        keep_before(part, run, note)
        folder.write_ids(dataset.items, dataset.users, dataset.item_attributes)
        folder.write_data(describe_data(dataset), directory_of(recipe.data))
        folder.write_bad_lines(appended.dataset.bad_lines)
        folder.write_sizes(build.sizes_of(recipe, split))
        folder.write_recipe(recipe)
