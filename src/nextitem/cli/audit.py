"""`nextitem audit`: how sequential is your data, really?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextitem.cli.code import code_asked_for
from nextitem.cli.interrupted import telling
from nextitem.cli.shared import AsJson, console, own_options, print_json, telling_of_compilation
from nextitem.errors import InputError

OF_CONTROLS = {"controls", "out", "again", "json"}
GOES_ON = "; the same nextitem audit command goes on where it was"


def audit(
    context: typer.Context,
    data: Annotated[str | None, typer.Argument(metavar="DATA", help="A data set's name, a file or a folder.")] = None,
    model: Annotated[str, typer.Option("-m", "--model", help="A sequence model's name, or file.py:Class.")] = "SASRec",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of every variant.")] = 3,
    fast: Annotated[
        bool, typer.Option("--fast", help="One seed, few epochs, fewer trials: a rough answer soon.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the report and the trials [audits/MODEL-DATA].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where named data sets lie already [NEXTITEM_DATA].")] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="What items are: lines item::name::a|b (movies.dat), or JSON {item: [a, b]}.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace trials of another recipe in the folder.")] = False,
    controls: Annotated[
        bool, typer.Option("--controls", help="Audit the audit, on chains of a known order, instead of DATA.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Measure how much of a model's gain is order, and how much the last item alone gives.

    Writes report.html (self-contained), report.md and audit.json into the folder. A killed audit goes on where it was.
    Keys of a recipe are options too: --training.epochs 20 --model.dim 32.
    """
    if controls:
        _refuse_others(context)
        _audit_controls(out or Path("audits") / "controls", again, json)
        return
    if data is None:
        raise InputError("nextitem audit needs DATA: a data set's name, a file or a folder (or --controls)")

    from nextitem.analysis.attributes import read_attributes
    from nextitem.analysis.audit import FAST, Audit, Settings, audited_recipe
    from nextitem.analysis.audit import audit as audit_data
    from nextitem.recipe.commands import AUDIT, refuse_twice
    from nextitem.recipe.options import parse_keys
    from nextitem.report.audit_console import AuditView
    from nextitem.report.audit_files import write_report
    from nextitem.runs.parts.build import build_dataset

    settings = FAST if fast else Settings(seeds=seeds)
    place = {} if data_dir is None else {"data": {"folder": str(data_dir)}}
    keys = parse_keys(context.args, AUDIT, own_options(context))
    refuse_twice(place, keys)
    recipe = audited_recipe(model, data, settings, place, keys, models=code_asked_for(model))
    dataset, origin = build_dataset(recipe.data)
    folder = out or Path("audits") / f"{model.rpartition(':')[2]}-{Path(data).name}"
    screen = console(stderr=json)
    view = AuditView(screen, origin)
    known = None if attributes is None else read_attributes(attributes, dataset.items)
    with telling(lambda: GOES_ON), telling_of_compilation(screen), view:
        for event in audit_data(dataset, recipe, settings, folder, again=again, attributes=known):
            if isinstance(event, Audit):
                write_report(event, folder)
            view.show(event)
    view.finish(folder)
    if json:
        print_json(view.facts())


def _refuse_others(context: typer.Context) -> None:
    """--controls has data and a recipe of its own."""
    sources = {name: context.get_parameter_source(name) for name in context.params.keys() - OF_CONTROLS}
    others = [name for name, source in sources.items() if source and source.name != "DEFAULT"] + context.args
    if others:
        raise InputError(
            f"--controls takes --out, --again and --json alone, found {', '.join(others)} too; leave it out"
        )


def _audit_controls(out: Path, again: bool, json: bool) -> None:
    """Exit code 1 if one of the verdicts is wrong."""
    from rich.text import Text

    from nextitem.analysis.audit import Audit
    from nextitem.analysis.controls import CONTROLS, audit_control
    from nextitem.report.audit_controls import controls_facts, controls_table, is_right

    screen, found = console(stderr=json), list[Audit]()
    with telling(lambda: GOES_ON), telling_of_compilation(screen):
        for control in CONTROLS:
            with screen.status(Text(f"{control.name}, {len(found) + 1} of {len(CONTROLS)}")):
                found.append(audit_control(control, out / control.name, again=again))
    screen.print(controls_table(CONTROLS, found))
    if json:
        print_json(controls_facts(CONTROLS, found))
    if not all(map(is_right, CONTROLS, found)):
        raise typer.Exit(1)
