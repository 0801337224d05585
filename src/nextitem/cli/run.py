"""`nextitem run`: train a model on data and evaluate it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from nextitem.cli.code import code_asked_for, code_of_run, model_name
from nextitem.cli.shared import AsJson, console, own_options, print_json, rank, telling_of_compilation
from nextitem.errors import InputError


def run(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="A model's name [SASRec]. Your own: file.py:Class.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "-d",
            "--data",
            help="A data set's name, a file or a folder [ml-100k]; with --resume where the run's data is now.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Where named data sets lie already [NEXTITEM_DATA]."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [runs/MODEL-DATA].")] = None,
    like: Annotated[
        Literal["recstudio"] | None,
        typer.Option(help="Split, metrics and filters as another library has them, to compare with its figures."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness [0].")] = None,
    mode: Annotated[
        Literal["light", "detail"], typer.Option(help="light: a line an epoch, and the result. detail: each phase.")
    ] = "detail",
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (YAML) under the other options.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the interrupted run in this folder.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Start over if the run folder is in use by an old run.")
    ] = False,
    trust_code: Annotated[
        bool,
        typer.Option("--trust-code", help="Run the code of a model of your own, which --resume or --recipe names."),
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Say at the end where the time of a training step went.")
    ] = False,
    no_histories: Annotated[
        bool, typer.Option("--no-histories", help="Leave what users have met out of the run folder.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Train a model on data and evaluate it beside honest baselines: `nextitem run clicks.csv -m SASRec`.

    Every key of a recipe is an option too: --section.key value, such as --training.epochs 20 --model.dim 32. What is
    typed after a key of text (--data.separator '|', --data.user no) is that text, all else is read as YAML; lists are
    typed with commas, and null takes a recipe file's value away.

    The commonest have short spellings: --epochs, --batch-size, --lr, --weight-decay, --optimizer, --device, --dim,
    --dropout, --max-length, --loss, --sampler, --num-negatives, --split, --metrics, --patience. The names that other
    codes have for them are understood; - and _ are the same.
    """
    from nextitem.recipe import make_recipe, read_layer
    from nextitem.recipe.commands import RUN, refuse_twice
    from nextitem.recipe.foreign import is_mamba4rec, translate
    from nextitem.recipe.options import layer_of, parse_keys, split_source
    from nextitem.report.console import RunView
    from nextitem.runs.folder import RunFolder, free_folder
    from nextitem.runs.places import placed
    from nextitem.runs.run import Finished
    from nextitem.runs.run import run as run_recipe
    from nextitem.training.profile import Profile

    source, typed_keys = split_source(context.args)
    if source is not None and data is not None:
        raise InputError(f"the data is given twice, as {source!r} and as --data {data!r}; leave one of them out")
    data = source if data is None else data
    options = {
        "model.name": model,
        "data.source": None if resume else data,
        "data.folder": data_dir and str(data_dir),
        "like": like,
        "seed": seed,
        "evaluation.keep_histories": False if no_histories else None,
    }
    file = read_layer(recipe) if recipe else {}
    if is_mamba4rec(file):
        file, said = translate(file)
        if rank() == 0:
            console(stderr=json).print(f"{recipe}, key by key:", *said, sep="\n ", highlight=False, soft_wrap=True)
    named = layer_of({key: value for key, value in options.items() if value is not None})
    keys = parse_keys(typed_keys, RUN, own_options(context))
    refuse_twice(named, keys)
    layers = [file, named, keys]
    if trust_code and resume is None and recipe is None:
        raise InputError("--trust-code is for --resume and --recipe; a model that -m names needs no such word")
    if resume is not None:
        if any(layers) or out is not None:
            raise InputError(
                "--resume continues a run as it was begun; it takes no other recipe, keys or folder (but --data, the "
                "place where its data is now)"
            )
        wanted, place = RunFolder(resume).read_recipe(code_of_run(resume, trust_code)), resume
        now = placed(wanted.data, RunFolder(resume).read_data().get("directory"), resume, data)
    else:
        now = None
        typed = model_name(named, keys)
        wanted = make_recipe(*layers, models=code_asked_for(typed or (model_name(file) if trust_code else None)))
        place = out or free_folder(Path("runs"), wanted)
    screen = console(stderr=json)
    view = RunView(screen, mode) if rank() == 0 else None
    times = Profile() if profile else None
    with telling_of_compilation(screen) if view else nullcontext():
        for event in run_recipe(
            wanted, place, again=again, track=view.track if view else None, profile=times, data=now
        ):
            if view:
                view.show(event)
            if view and json and isinstance(event, Finished):
                print_json(event.report)
    if view and times:
        view.show_profile(times)
