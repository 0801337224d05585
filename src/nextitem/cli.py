"""The command line. It knows everything, nothing knows it; what a command needs is imported when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nextitem.errors import InputError, LostProcessError, NonFiniteLossError, ToldError

app = typer.Typer(
    name="nextitem",
    help="Which item comes next: train, evaluate honestly, recommend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
WITH_KEYS = {"allow_extra_args": True, "ignore_unknown_options": True}


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        print(f"nextitem {version('nextitem')}")
        raise typer.Exit


@app.callback()
def _before_all(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    pass


@app.command(context_settings=WITH_KEYS)
def run(
    context: typer.Context,
    model: Annotated[str | None, typer.Option("-m", "--model", help="A model's name [SASRec].")] = None,
    data: Annotated[
        str | None, typer.Option("-d", "--data", help="A data set's name, a file or a folder [ml-100k].")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data_dir", "--data-dir", help="Where named data sets lie already [NEXTITEM_DATA]."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder [runs/MODEL-DATA].")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness [0].")] = None,
    mode: Annotated[
        Literal["light", "detail"], typer.Option(help="light: a line an epoch, and the result. detail: each phase.")
    ] = "detail",
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (YAML) under the other options.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the interrupted run in this folder.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Start over if the run folder is in use by an old run.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Say at the end where the time of a training step went.")
    ] = False,
) -> None:
    """Train a model on data and evaluate it beside honest baselines.

    Every key of a recipe is an option too: --section.key value, such as --training.epochs 20 --model.dim 32. Short
    spellings of the commonest: --epochs, --batch_size, --learning_rate, --weight_decay, --learner, --embed_dim,
    --sampler, --negative_count, --split_mode, --eval_batch_size.
    """
    from nextitem.recipe import make_recipe, read_layer
    from nextitem.recipe.options import layer_of, parse_keys
    from nextitem.report.console import RunView
    from nextitem.training.folder import RunFolder, free_folder
    from nextitem.training.profile import Profile
    from nextitem.training.run import run as run_recipe

    options = {
        "model.name": model,
        "data.source": data,
        "data.folder": data_dir and str(data_dir),
        "seed": seed,
    }
    layers = [
        read_layer(recipe) if recipe else {},
        layer_of({key: value for key, value in options.items() if value is not None}),
        parse_keys(context.args),
    ]
    if resume is not None:
        if any(layers) or out is not None:
            raise InputError("--resume continues a run as it was begun; it takes no other recipe, keys or folder")
        wanted, place = RunFolder(resume).read_recipe(), resume
    else:
        wanted = make_recipe(*layers)
        place = out or free_folder(Path("runs"), wanted)
    view = RunView(_console(), mode) if _rank() == 0 else None
    times = Profile() if profile else None
    for event in run_recipe(wanted, place, again=again, track=view.track if view else None, profile=times):
        if view:
            view.show(event)
    if view and times:
        view.show_profile(times)


@app.command()
def recommend(
    folder: RunPath,
    history: Annotated[str, typer.Option(help="Item ids, oldest first, separated by commas.")],
    user: Annotated[str | None, typer.Option(help="The user's id, for models that know users (BPR, ..).")] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    unknown: Annotated[
        Literal["error", "skip"], typer.Option(help="What to do with unknown ids: error or skip.")
    ] = "error",
    keep_seen: Annotated[bool, typer.Option("--keep-seen", help="Items of the history may come back.")] = False,
) -> None:
    """Recommend the next items for a history of raw item ids."""
    from rich.table import Table

    from nextitem.recommend import load

    ids = [one.strip() for one in history.split(",") if one.strip()]
    found = load(folder).recommend(
        [ids], k, users=None if user is None else [user], unknown=unknown, exclude_seen=not keep_seen
    )[0]
    table = Table("rank", "item", "score", box=None)
    for place, (item, score) in enumerate(zip(found.items, found.scores, strict=True), start=1):
        table.add_row(str(place), str(item), f"{score:.4f}")
    _console().print(table)
    if found.skipped:
        _console().print(f"skipped, since the model does not know them: {', '.join(map(str, found.skipped))}")


@app.command()
def evaluate(
    folder: RunPath,
    protocol: Annotated[str, typer.Option(help="full, sampled-N (such as sampled-100), or sasrec.")] = "full",
    seen: Annotated[
        Literal["mask", "keep", "auto"] | None,
        typer.Option(help="mask, keep or auto: whether seen items leave the ranking."),
    ] = None,
    ties: Annotated[
        Literal["expected", "optimistic", "pessimistic"] | None,
        typer.Option(help="expected, optimistic or pessimistic."),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Such as hr@10,ndcg@10 [the run's].")] = None,
    seed: Annotated[int, typer.Option(help="Of drawn users and negatives.")] = 0,
) -> None:
    """Evaluate a finished run on its test cases under another protocol."""
    from nextitem.reevaluate import evaluate_again
    from nextitem.report.console import protocol_table

    names = None if metrics is None else [name.strip() for name in metrics.split(",")]
    _console().print(protocol_table(evaluate_again(folder, protocol, seen, ties, names, seed)))


@app.command()
def show(folder: RunPath) -> None:
    """Show the test table of a finished run again."""
    from nextitem.report.console import test_table
    from nextitem.training.folder import RunFolder

    _console().print(test_table(RunFolder(folder).read_report()))


@app.command()
def models(name: Annotated[str | None, typer.Argument(help="A model's name.")] = None) -> None:
    """List the models, or show one: what it is, its paper, its arguments and their defaults."""
    from nextitem.report.models import model_page, models_table

    _console().print(models_table() if name is None else model_page(name))


@app.command()
def samplers(
    folder: RunPath,
    users: Annotated[int, typer.Option(min=1, help="Validation users to average over.")] = 300,
    draws: Annotated[int, typer.Option(min=1, help="Draws a user.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of users, codebooks and draws.")] = 0,
) -> None:
    """How near each negative sampler comes to the softmax of a finished run's scores."""
    from nextitem.report.samplers import compare_samplers, samplers_table

    _console().print(samplers_table(compare_samplers(folder, users, draws, seed)))


def _console() -> Any:
    from rich.console import Console

    return Console()


def main() -> None:
    """The entry point. A process among several leaves at once."""
    try:
        _run_app()
    except SystemExit as end:
        if not _is_launched():
            raise
        from nextitem.processes import leave

        leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _run_app() -> None:
    """What a user can mend is one line on stderr and exit code 2; no traceback."""
    try:
        app()
    except ToldError:
        sys.exit(2)
    except InputError as error:
        _stop(2, str(error))
    except NonFiniteLossError as error:
        if _rank() > 0:  # every process has it at the same step
            sys.exit(3)
        _stop(3, str(error))
    except LostProcessError as error:
        # At once, since the ends of threads that wait for the other process would be waited for. A sudden end is what
        # a run folder can bear.
        from nextitem.processes import leave

        _say(str(error))
        leave(4)
    except KeyboardInterrupt:
        _stop(130, "interrupted; the same command continues where the last whole epoch ended")


def _stop(code: int, message: str) -> None:
    _say(message)
    sys.exit(code)


def _say(message: str) -> None:
    name = f"nextitem (process {_rank()})" if _rank() else "nextitem"
    print(f"{name}: {message}", file=sys.stderr, flush=True)


def _rank() -> int:
    """Of this process among those that torchrun started; 0 without torchrun."""
    return int(os.environ["RANK"]) if _is_launched() else 0


def _is_launched() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


if __name__ == "__main__":
    main()
