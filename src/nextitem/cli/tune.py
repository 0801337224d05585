"""`nextitem tune`: other values of a recipe's keys, chosen by validation."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextitem.cli.interrupted import telling
from nextitem.cli.keys import layers_of, recipe_of, split_given
from nextitem.cli.shared import AsJson, console, is_launched, print_json, telling_of_compilation
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import Layer, Recipe
    from nextitem.tuning.result import Tuning


def tune(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="A model's name [SASRec]. Your own: file.py:Class.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("-d", "--data", help="A data set's name, a file or a folder [ml-100k].")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where named data sets lie already [NEXTITEM_DATA].")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="So many in all, those of other processes among them [20, or what --time allows]."),
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="An answer within this time: 60m, 1h30m, 90s. Each call has all of it.")
    ] = None,
    space: Annotated[Path | None, typer.Option(help="A YAML file of what to try, over the space of the model.")] = None,
    pruner: Annotated[
        Literal["median", "hyperband", "none"],
        typer.Option(help="median, hyperband or none: ends trials that fall behind."),
    ] = "median",
    storage: Annotated[
        str | None, typer.Option(help="A folder for study.db, or a database: sqlite:///FILE [the folder --out].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the tuning [runs/MODEL-DATA-tune].")] = None,
    like: Annotated[Literal["recstudio"] | None, typer.Option(help="As of nextitem run.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness [0].")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (YAML) under the other options.")] = None,
    json: AsJson = False,
) -> None:
    """Try other values of a model's keys, and keep the best by validation: `nextitem tune clicks.csv -m SASRec`.

    The first trial is the recipe as it is. The test cases are ranked once, for the winner alone, which is then a run
    folder like any other (OUT/best), and a recipe (OUT/best.yaml). The same command again goes on, and several at once
    share the trials. A recipe's keys are options as of `nextitem run`; a key that is typed is tried in no other way.
    """
    started = perf_counter()  # what is imported from here on takes its time, too
    from nextitem.recipe import read_layer

    source, typed = split_given(context, data)
    options = {
        "model.name": model,
        "data.source": source,
        "data.folder": data_dir and str(data_dir),
        "like": like,
        "seed": seed,
    }
    named, keys = layers_of(context, options, typed)
    wanted = recipe_of(read_layer(recipe) if recipe else {}, named, keys)
    tune_recipe(
        wanted, keys, out,
        trials=trials, time=time, space=space, pruner=pruner, storage=storage, started=started, json=json,
    )  # fmt: skip


def tune_recipe(
    wanted: Recipe,
    typed: Layer,
    out: Path | None,
    *,
    trials: int | None = None,
    time: str | None = None,
    space: Path | None = None,
    pruner: Literal["median", "hyperband", "none"] = "median",
    storage: str | None = None,
    started: float | None = None,
    json: bool = False,
) -> None:
    """Tune and show it; the `typed` keys stay as they are."""
    from nextitem.data.log.shards import folder_name
    from nextitem.tuning.result import Tuning
    from nextitem.tuning.tune import tuning
    from nextitem.tuning.view import TuningView

    if is_launched():
        raise InputError("nextitem tune trains in one process; start it several times with the same --out instead")
    fixed = {f"{section}.{key}" for section, one in typed.items() if isinstance(one, dict) for key in one}
    place = out or Path("runs") / f"{wanted.model.label}-{folder_name(wanted.data.source)}-tune"
    screen = console(stderr=json)
    view = TuningView(screen)
    compilation = telling_of_compilation(screen) if screen.is_terminal else nullcontext()
    with telling(lambda: f"; the trials that were over are kept in {place}, and the same command goes on"), compilation:
        for event in tuning(
            wanted, place, trials=trials, seconds=time, space=space, fixed=fixed, pruner=pruner, storage=storage,
            track=view.track, started=started,
        ):  # fmt: skip
            view.show(event)
            if json and isinstance(event, Tuning):
                print_json(_plain(event))


def _plain(found: Tuning) -> dict[str, object]:
    """What a program asks for; the recipe as a layer."""
    return {
        "folder": str(found.folder),
        "monitor": found.monitor,
        "value": found.value,
        "trial": found.number,
        "default_value": found.default_value,
        "recipe": found.recipe.model_dump(mode="json"),
        "test": found.test,
        "importances": found.importances,
        "others": found.others,
        "trials": found.trials.to_dicts(),
    }
