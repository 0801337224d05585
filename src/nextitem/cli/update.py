"""`nextitem update`: a finished run goes on with newer interactions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.interrupted import left_of_run, telling
from nextitem.cli.shared import AsJson, RunPath, console, is_launched, print_json, telling_of_compilation
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import Recipe


def update(
    folder: RunPath,
    data: Annotated[str, typer.Option("-d", "--data", metavar="FILE", help="The new interactions alone.")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    epochs: Annotated[int, typer.Option(min=1, help="How long to go on training, at the most.")] = 3,
    from_nothing: Annotated[
        bool,
        typer.Option(
            "--from-nothing",
            help="Also train from first weights, into OUT-from-nothing, and compare on the same cases.",
        ),
    ] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Once evaluated, go on with all data; those weights recommend.")
    ] = False,
    past: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where the run's own data is now, if it is no longer there.")
    ] = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Go on training a run with tomorrow's data: `nextitem update runs/monday --data tuesday.csv --out runs/tuesday`.

    Old users and items keep their numbers, new ones follow; what is new begins at the mean of its neighbours. The
    newest interactions are the test, of the older model too, whose misses are what it does not know. The same command
    after a kill goes on.
    """
    from nextitem.runs.folder.run_folder import RunFolder
    from nextitem.runs.learning.update import begin_update, from_first_weights

    if is_launched():
        raise InputError("nextitem update works in one process; start it without torchrun")
    models = code_of_run(folder, trust_code, code)
    was = RunFolder(folder).read_recipe(models)
    if from_nothing and was.training is None:
        raise InputError(f"{was.model.label} is fitted anew in one go, from nothing; leave --from-nothing out")
    recipe = begin_update(folder, data, out, epochs, past, models)
    other = from_first_weights(recipe, out) if from_nothing else None
    report = _made(recipe, out, refit, json)
    if other is not None:
        _compared(other, out, json)
    elif json:
        print_json(report)


def _made(recipe: Recipe, out: Path, refit: bool, json: bool) -> object:
    """The report of the run, which is shown as it goes."""
    from nextitem.report.console import RunView
    from nextitem.runs.learning.run import Finished
    from nextitem.runs.learning.run import run as events

    screen = console(stderr=json)
    view, report = RunView(screen, "light"), dict[str, object]()
    with telling(lambda: left_of_run(out, recipe.training is not None)), telling_of_compilation(screen):
        for event in events(recipe, out, track=view.track, refit=refit):
            view.show(event)
            if isinstance(event, Finished):
                report = event.report
    return report


def _compared(recipe: Recipe, out: Path, json: bool) -> None:
    """The update beside a run of this recipe, which begins with first weights."""
    from nextitem.report.comparison import shown
    from nextitem.runs.several.compare import compare

    place = out.with_name(f"{out.name}-from-nothing")
    _made(recipe, place, False, json)
    found = compare([out, place])
    if json:
        print_json({"protocol": found.protocol, "lines": found.lines})
    else:
        console().print(shown(found))
