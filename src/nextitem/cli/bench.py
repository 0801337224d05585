"""`nextitem bench`: the models that fit some data within a time, and which of them to take."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.following import follow
from nextitem.cli.interrupted import telling
from nextitem.cli.shared import AsJson, console, own_options, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import Layer
    from nextitem.runs.several.bench import Bench
    from nextitem.runs.several.making import Entry

PAGE = "report.html"


def bench(
    context: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A data set's name, a file or a folder.")],
    time: Annotated[
        str, typer.Option(help="An answer within this time, of all calls together: 30m, 1h30m, 90s.")
    ] = "30m",
    out: Annotated[Path | None, typer.Option(help="The folder of the runs [runs/DATA-bench].")] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where named data sets lie already [NEXTITEM_DATA].")
    ] = None,
    json: AsJson = False,
) -> None:
    """Run the models that fit some data within a time, from counting to sequence models: `nextitem bench clicks.csv`.

    It ends in their comparison, and in one sentence which of them to take and why: the cheapest that is not
    significantly worse than the best on the validation cases. Each is a run folder in OUT. The same command after a
    kill goes on, and with more time it tries what was left out.

    Keys of data, split, evaluation and training are options as of `nextitem run`: --data.user session --epochs 20.
    """
    started = perf_counter()
    from nextitem.recipe.commands import BENCH, refuse_twice
    from nextitem.recipe.options import parse_keys
    from nextitem.report.experiment import state_table

    place = {"data": {"source": data} | ({} if data_dir is None else {"folder": str(data_dir)})}
    keys = parse_keys(context.args, BENCH, own_options(context))
    refuse_twice(place, keys)
    found = _bench(place, keys, time, out, started)
    screen = console(stderr=True)

    def left() -> str:
        done = sum(entry.state == "done" for entry in found.entries)
        return f"; {done} runs are done and kept in {found.out}, and the same command goes on"

    with telling(left):
        follow(found.execute(), screen, _end_of)
    if screen.is_terminal:
        screen.print(state_table(found.entries))
    _show(found, json)


def _bench(place: Layer, keys: Layer, time: str, out: Path | None, started: float) -> Bench:
    from nextitem.recipe import make_recipe
    from nextitem.runs.several.bench import Bench
    from nextitem.training.budget import seconds_of

    given = {name: section for name, section in keys.items() if name != "training"}
    base = make_recipe({"model": {"name": "Popularity"}}, place, given)
    folder = out or Path("runs") / f"{Path(base.data.source).name}-bench"
    return Bench(folder, base, keys.get("training", {}), seconds_of(time), started)


def _end_of(entry: Entry) -> str | None:
    if entry.state not in ("done", "left out"):
        return None
    return f"{entry.planned.name}: {entry.state}{f': {entry.said}' if entry.said else ''}"


def _show(found: Bench, json: bool) -> None:
    from nextitem.report.bench import html, remarks, why
    from nextitem.report.comparison import shown
    from nextitem.runs.several.choosing import choose
    from nextitem.writing import write

    done = [entry for entry in found.entries if entry.state == "done"]
    left_out = {entry.planned.name: entry.said for entry in found.entries if entry.state == "left out"}
    if not done:
        told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise InputError(f"no model came to an end; give --time more ({told})")
    choice = choose([entry.folder for entry in done], found.metrics)
    page = found.out / PAGE
    write(page, html(choice, left_out).encode())
    if json:
        lines = choice.comparison.lines
        print_json(
            {
                "take": choice.taken, "why": why(choice), "best": choice.best, "metric": choice.metric,
                "valid": choice.valid, "seconds": choice.seconds, "cut": choice.cut, "left_out": left_out,
                "protocol": choice.comparison.protocol, "lines": lines, "page": str(page),
            }
        )  # fmt: skip
        return
    screen = console()
    screen.print(shown(choice.comparison))
    for name, reason in left_out.items():
        screen.print(f"left out: {name}: {reason}", highlight=False, soft_wrap=True)
    for line in (*remarks(choice), "", why(choice), f"written to {page}"):
        screen.print(line, highlight=False, soft_wrap=True)
