"""`nextitem experiment`: the runs of a plan, and then their comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.code import code_asked_for
from nextitem.cli.following import follow
from nextitem.cli.interrupted import telling
from nextitem.cli.shared import AsJson, console, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import Recipe
    from nextitem.runs.several.experiment import Experiment
    from nextitem.runs.several.making import Entry

Workers = Annotated[int, typer.Option(min=1, help="Runs at a time, which share the cores out among them.")]


def experiment(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A YAML file: models, data, seeds, grid, recipe.")],
    out: Annotated[Path | None, typer.Option(help="The folder of the runs [runs/ and the plan's name].")] = None,
    workers: Workers = 1,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="The I-th of N parts alone, such as of an array of a cluster.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and run nothing.")] = False,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Run the code of models of your own, which the plan names.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Run models x data x seeds x a grid of keys, and compare: `nextitem experiment plan.yaml --workers 2`.

    A plan is YAML: `models: [SASRec, {name: GRU4Rec, grid: {model.dim: [64, 128]}}]`, `data: [ml-100k]`, `seeds: 3`,
    `recipe: {training: {epochs: 50}}`. Each run has a folder; the same command after a kill goes on, and finished runs
    are not made again.
    """
    from nextitem.runs.several.experiment import Experiment
    from nextitem.runs.several.plan import planned, read_plan
    from nextitem.runs.several.plan import shard as part_of

    runs = planned(read_plan(plan), code_asked_for if trust_code else _none)
    found = Experiment(out or Path("runs") / plan.stem, part_of(runs, shard))
    if dry_run:
        _tell(found, workers, json)
        return
    execute(found, workers, ["--trust-code"] if trust_code else [])
    whole = Experiment(found.out, runs)
    missing = [entry for entry in whole.entries if entry.state != "done"]
    if missing:
        said = f"{len(missing)} runs of other parts are not done; the same command then compares them all"
        console(stderr=json).print(said)
        if json:
            print_json([])
        return
    show_comparisons(whole, json=json)


def run_seeds(recipe: Recipe, count: int, out: Path | None, workers: int, trust_code: bool, json: bool) -> None:
    """Runs of one recipe that differ in the seed, `runs/MODEL-DATA-seeds/seed-0` and on, and their table."""
    from nextitem.runs.folder.naming import stem_of
    from nextitem.runs.several.experiment import Experiment
    from nextitem.runs.several.plan import seeds_of

    found = Experiment(out or Path("runs") / f"{stem_of(recipe)}-seeds", seeds_of(recipe, count))
    execute(found, workers, ["--trust-code"] if trust_code else [])
    show_comparisons(found, json=json)


def run_windows(recipe: Recipe, out: Path | None, workers: int, trust_code: bool, json: bool) -> None:
    """Runs of one recipe, a window of time each, `runs/MODEL-DATA-rolling/window-1` and on, and their table."""
    from nextitem.report.rolling import rolling_table
    from nextitem.runs.folder.naming import stem_of
    from nextitem.runs.several.experiment import Experiment
    from nextitem.runs.several.rolling import rolled, windows_of

    runs = windows_of(recipe)
    found = Experiment(out or Path("runs") / f"{stem_of(recipe)}-rolling", runs)
    execute(found, workers, ["--trust-code"] if trust_code else [])
    result = rolled(runs, found.out)
    if json:
        print_json({"model": result.model, "data": result.data, "windows": result.windows, "mean": result.mean()})
    else:
        console().print(rolling_table(result))
    console(stderr=json).print(f"kept in {found.out}", highlight=False, soft_wrap=True)


def _none(name: object) -> tuple[()]:
    """Code runs only where the command line says so; the name is then refused with the way out."""
    return ()


def execute(found: Experiment, workers: int, options: list[str]) -> None:
    """To the end, with a table that stands on a terminal while it lasts.

    Raises:
        InputError: runs have failed; the others are done.
    """
    from nextitem.report.experiment import state_table

    screen = console(stderr=True)
    known = [entry.planned.name for entry in found.entries if entry.state == "done"]

    def left() -> str:
        done = sum(entry.state == "done" for entry in found.entries)
        return f"; {done} of {len(found.entries)} runs are done, and the same command goes on"

    with telling(left):
        follow(found.execute(workers, options), screen, _end_of, known)
    screen.print(state_table(found.entries))
    if failed := [entry for entry in found.entries if entry.state == "failed"]:
        told = "\n".join(f"{entry.planned.name}: {entry.said}" for entry in failed)
        raise InputError(
            f"{len(failed)} of {len(found.entries)} runs failed, and the same command tries again:\n{told}"
        )


def _end_of(entry: Entry) -> str | None:
    return f"{entry.planned.name}: {entry.state}" if entry.state in ("done", "failed") else None


def show_comparisons(found: Experiment, *, json: bool = False) -> None:
    """A table a data set, and its page beside the runs."""
    from nextitem.report.comparison import shown
    from nextitem.report.comparison_page import html
    from nextitem.runs.several.compare import compare
    from nextitem.writing import write

    screen, told = console(stderr=json), []
    for data in dict.fromkeys(entry.planned.data for entry in found.entries):
        folders = [entry.folder for entry in found.entries if entry.planned.data == data]
        try:
            comparison = compare(folders)
        except InputError as error:
            screen.print(f"{data}: the runs stand in no one table: {error}", highlight=False, soft_wrap=True)
            continue
        page = found.out / f"{data}.html"
        write(page, html(comparison).encode())
        told.append({"data": data, "protocol": comparison.protocol, "lines": comparison.lines})
        if not json:
            screen.print(shown(comparison))
        screen.print(f"written to {page}", highlight=False, soft_wrap=True)
    if json:
        print_json(told)


def _tell(found: Experiment, workers: int, json: bool) -> None:
    """What would be run, and about how long it would take."""
    from nextitem.report.experiment import state_table
    from nextitem.report.pace import duration

    if json:
        print_json([{"run": entry.planned.name, "state": entry.state} for entry in found.entries])
        return
    screen = console()
    screen.print(state_table(found.entries))
    seconds = found.left()
    if seconds is None:
        screen.print("how long it takes cannot be said before a run of each model is done")
    else:
        screen.print(f"about {duration(seconds / workers)} by what like runs took here, with {workers} at a time")
