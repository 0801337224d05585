"""The command line. It knows everything, nothing knows it; what a command needs is imported when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nextitem.errors import InputError, NonFiniteLossError

if TYPE_CHECKING:
    from nextitem.recipe import Layer

app = typer.Typer(
    name="nextitem",
    help="Which item comes next: train, evaluate honestly, recommend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# RecStudio's options, as spellings of recipe keys.
SPELLINGS = {
    "--learning_rate": "--training.learning_rate",
    "--learner": "--training.optimizer",
    "--weight_decay": "--training.weight_decay",
    "--epochs": "--training.epochs",
    "--batch_size": "--training.batch_size",
    "--eval_batch_size": "--evaluation.batch_size",
    "--embed_dim": "--model.dim",
    "--sampler": "--loss.sampler",
    "--negative_count": "--loss.num_negatives",
    "--split_mode": "--split.kind",
}

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
WITH_KEYS = {"allow_extra_args": True, "ignore_unknown_options": True}


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
        Literal["light", "detail"], typer.Option(help="light: data and result only. detail: recipe, epochs too.")
    ] = "detail",
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (YAML) under the other options.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Continue the interrupted run in this folder.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Start over if the run folder is in use by an old run.")
    ] = False,
) -> None:
    """Train a model on data and evaluate it beside honest baselines.

    Every key of a recipe is an option too: --section.key value, such as --training.epochs 20 --model.dim 32. Short
    spellings of the commonest: --epochs, --batch_size, --learning_rate, --weight_decay, --learner, --embed_dim,
    --sampler, --negative_count, --split_mode, --eval_batch_size.
    """
    from nextitem.recipe import make_recipe, read_layer
    from nextitem.report.console import RunView
    from nextitem.training.folder import RunFolder, free_folder
    from nextitem.training.run import run as run_recipe

    layers = [
        read_layer(recipe) if recipe else {},
        _layer(
            {
                "model.name": model,
                "data.source": data,
                "data.folder": data_dir and str(data_dir),
                "seed": seed,
            }
        ),
        parse_keys(context.args),
    ]
    if resume is not None:
        if any(layers) or out is not None:
            raise InputError("--resume continues a run as it was begun; it takes no other recipe, keys or folder")
        wanted, place = RunFolder(resume).read_recipe(), resume
    else:
        wanted = make_recipe(*layers)
        place = out or free_folder(Path("runs"), wanted)
    view = RunView(_console(), mode)
    for event in run_recipe(wanted, place, again=again, track=view.track):
        view.show(event)


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


def parse_keys(arguments: list[str]) -> Layer:
    """`--section.key value` and `--section.key=value` as a layer of a recipe.

    >>> parse_keys(["--training.epochs", "20", "--model.norm=pre"])
    {'training': {'epochs': 20}, 'model': {'norm': 'pre'}}

    Raises:
        InputError: something that is not such a pair.
    """
    import yaml

    from nextitem.errors import suggest

    flat: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        key, has_value, value = rest.pop(0).partition("=")
        key = SPELLINGS.get(key, key)
        if not key.startswith("--"):
            raise InputError(f'"{key}" is not an option; recipe keys are written --section.key value')
        if "." not in key and key != "--seed":
            own = ("--model", "--data", "--data_dir", "--out", "--seed", "--mode", "--recipe", "--resume", "--again")
            options = [*own, *SPELLINGS]
            raise InputError(
                f"there is no option {key}; {suggest(key, options)}. Recipe keys are written --section.key value"
            )
        if not has_value:
            if not rest:
                raise InputError(f"{key} needs a value")
            value = rest.pop(0)
        try:
            flat[key.removeprefix("--")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"{key}: {value!r} is not a value ({error})") from error
    return _layer(flat)


def _layer(flat: dict[str, Any]) -> Layer:
    """{"model.dim": 64} -> {"model": {"dim": 64}}; keys without a value are left out."""
    layer: Layer = {}
    for path, value in flat.items():
        *sections, key = path.split(".")
        if value is not None:
            inner = layer
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[key] = value
    return layer


def _console() -> Any:
    from rich.console import Console

    return Console()


def main() -> None:
    """The entry point: what a user can mend is one line on stderr and exit code 2; no traceback."""
    try:
        app()
    except InputError as error:
        print(f"nextitem: {error}", file=sys.stderr)
        sys.exit(2)
    except NonFiniteLossError as error:
        print(f"nextitem: {error}", file=sys.stderr)
        sys.exit(3)
    except KeyboardInterrupt:
        print(
            "nextitem: interrupted; the same command continues where the last whole epoch ended",
            file=sys.stderr,
        )
        sys.exit(130)


if __name__ == "__main__":
    main()
