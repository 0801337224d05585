"""`nextitem prepare`: a log becomes a folder of arrays, once, for every run on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from threading import Timer
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.shared import AsJson, console, own_options, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import DataRecipe

QUIET = 2.0  # seconds that need no word


def prepare(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SRC", help="A file, a folder, a data set's name or code.")],
    out: Annotated[Path, typer.Option(help="The folder to write; nextitem run -d FOLDER takes it as it is.")],
    engine: Annotated[
        str | None, typer.Option(help="What reads and filters a table: polars (unless named), duckdb, spark.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data_dir", "--data-dir", help="Where named data sets lie already [NEXTITEM_DATA]."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Read, filter and number a log once, into a folder of arrays that training maps into memory.

    Every data key of a recipe is an option: --data.user_core 5 --data.item_core 5 --data.min_rating 4. The folder
    appears whole or not at all; a good one that stands there is replaced only by another.
    """
    from nextitem.data.splits.codes import parse_code
    from nextitem.recipe import make_data_recipe
    from nextitem.recipe.commands import PREPARE, refuse_twice
    from nextitem.recipe.options import layer_of, parse_keys
    from nextitem.recipe.preparing import build_dataset
    from nextitem.report.data import data_facts, data_table

    given = {"data.source": source, "data.engine": engine, "data.folder": data_dir and str(data_dir)}
    options = layer_of({key: value for key, value in given.items() if value is not None})
    keys = parse_keys(context.args, PREPARE, own_options(context))
    refuse_twice(options, keys)
    code = None if Path(source).exists() else parse_code(source)
    recipe = make_data_recipe(options, keys)
    if out.exists() and not (out / "dataset.json").is_file():  # before the work, not after it
        raise InputError(f"{out} exists and is not a saved data set; name another folder")
    start = time.perf_counter()
    with _said_if_long(f"preparing {source}"):
        dataset, origin = build_dataset(recipe)
    dataset = replace(dataset, notes=(_history(recipe), *dataset.notes))
    with _said_if_long(f"writing {out}"):
        dataset.save(out)
    size, took = sum(file.stat().st_size for file in out.iterdir()), time.perf_counter() - start
    split = {} if code is None else code.split
    if json:
        made = {"out": str(out), "origin": origin, **data_facts(dataset), "split": split}
        print_json({**made, "bytes": size, "seconds": took})
        return
    screen = console()
    screen.print(origin, highlight=False, soft_wrap=True)
    screen.print(data_table(dataset))
    for note in dataset.notes:
        screen.print(note, highlight=False, soft_wrap=True)
    if split:
        keys_of_split = " ".join(f"--split.{key} {value}" for key, value in split.items())
        run = f"nextitem run -d {quote(str(out))} {keys_of_split}"
        screen.print(f"the split of {source} is the run's: {run}", highlight=False, soft_wrap=True)
    screen.print(f"kept in {out}, {size / 1e6:,.1f} MB, {took:.1f} s", highlight=False, soft_wrap=True)


def _history(recipe: DataRecipe) -> str:
    """What was done to the log, for every run on the folder to say; which engine did it makes no difference."""
    keys = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"source", "folder", "engine"})
    rules = ", ".join(f"{key}={value}" for key, value in keys.items())
    return f"prepared from {Path(recipe.source).name} with {rules or 'no filter'}"


@contextmanager
def _said_if_long(what: str) -> Iterator[None]:
    """A word on stderr once `what` takes more than two seconds, with a clock where that is a terminal."""
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    from nextitem.terminal import text_column

    screen = console(stderr=True)
    bar = Progress(SpinnerColumn(), text_column("{task.description}"), TimeElapsedColumn(), console=screen)
    bar.add_task(what, total=None)
    begin = bar.start if screen.is_terminal else lambda: screen.print(f"{what} ..", highlight=False, soft_wrap=True)
    timer = Timer(QUIET, begin)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if bar.live.is_started:
            bar.stop()
