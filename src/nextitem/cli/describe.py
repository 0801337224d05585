"""The data doctor: what a log is like, and whether two are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nextitem.cli.shared import AsJson, console, print_json, told_in_options

OPTIONS = (
    *("format", "user", "item", "timestamp", "rating", "time_format", "where", "kind", "kinds", "bad_lines"),
)  # in place of keys
DataArgument = Annotated[str, typer.Argument(metavar="DATA", help="A data set's name, a file or a folder.")]


def describe(
    data: DataArgument,
    out: Annotated[
        Path | None, typer.Option(help="Folder for description.json, lengths.png and popularity.png.")
    ] = None,
    plots: Annotated[bool, typer.Option(help="Draw the PNG files into --out (wants matplotlib).")] = True,
    user: Annotated[str | None, typer.Option(help="The user's column, or several: user_id,sequence_id.")] = None,
    item: Annotated[str | None, typer.Option(help="The item's column.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="The time's column.")] = None,
    rating: Annotated[str | None, typer.Option(help="The rating's column.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Of dates that are text, as strptime has it.")] = None,
    where: Annotated[str | None, typer.Option(help="Rows that count, as data.where.")] = None,
    kind: Annotated[str | None, typer.Option(help="The column of an event's kind, as data.kind.")] = None,
    kinds: Annotated[str | None, typer.Option(help="The number of each: view=1,cart=3, as data.kinds.")] = None,
    format: Annotated[str, typer.Option(help="Of the file, as data.format.")] = "auto",
    bad_lines: Annotated[
        Literal["error", "skip"],
        typer.Option("--bad-lines", help="As data.bad_lines: refuse bad lines, or count and leave them out."),
    ] = "error",
    knowledge: Annotated[Path | None, typer.Option(help="A graph, as data.knowledge; else the one beside.")] = None,
    links: Annotated[Path | None, typer.Option(help="Which entity an item is, as data.links.")] = None,
    trust: Annotated[Path | None, typer.Option(help="Who trusts whom, as data.trust; else what is beside.")] = None,
    trust_users: Annotated[
        Path | None,
        typer.Option("--trust-users", help="Ids in it and in the log, as data.trust_users."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Examine data: sizes, ties, what filters and splits would do to it, its graphs, and what is suspicious in it."""
    import time
    from dataclasses import asdict
    from json import dumps

    from nextitem.data.sources.graphs_of import graphs_of
    from nextitem.data.sources.opening import open_data
    from nextitem.diagnosis.examine import examine
    from nextitem.report.diagnosis import examination_report

    with told_in_options(OPTIONS):
        opened, said = open_data(
            data, format=format, user=user, item=item, timestamp=timestamp, rating=rating, time_format=time_format,
            where=where, kind=kind, kinds=kinds, bad_lines=bad_lines,
        )  # fmt: skip
    paths = {"knowledge": knowledge, "links": links, "trust": trust, "trust_users": trust_users}
    graphs = graphs_of(data, opened, {role: path for role, path in paths.items() if path is not None})
    examined = examine(opened, Path(data).name, said, time.time(), graphs)
    notes = (*opened.notes, *graphs.notes)
    if json:
        print_json({"notes": notes, **asdict(examined)})
    else:
        _say(notes)
        console().print(examination_report(examined), highlight=False)
    if out is None:
        return
    from nextitem.report.plots import save_plots
    from nextitem.writing import make_folder, write

    make_folder(out)
    write(out / "description.json", (dumps(asdict(examined), indent=1) + "\n").encode())
    if plots:
        save_plots(examined, out)
    console(stderr=json).print(f"kept in {out}", highlight=False, soft_wrap=True)


def compare_data(
    a: Annotated[str, typer.Argument(metavar="A", help="A data set's name, a file or a folder.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    user_core: Annotated[int, typer.Option(min=0, help="Cut B to users with so many interactions first.")] = 0,
    item_core: Annotated[int, typer.Option(min=0, help="Cut B to items with so many interactions first.")] = 0,
    core: Annotated[Literal["iterated", "once"], typer.Option(help="How B is cut: iterated or once.")] = "iterated",
    search: Annotated[bool, typer.Option("--search", help="Look for the cores of B that give A.")] = False,
    json: AsJson = False,
) -> None:
    """Whether two preparations are the same data, whatever their ids; else where they differ."""
    from nextitem.data.numbered import core_places
    from nextitem.data.sources.opening import open_data
    from nextitem.diagnosis.compare import compare
    from nextitem.diagnosis.compare import search as search_cores
    from nextitem.diagnosis.logs import numbered_log, only
    from nextitem.errors import InputError
    from nextitem.report.diagnosis import comparison_report

    logs = [open_data(source)[0] for source in (a, b)]
    for log in logs:
        _say(log.notes, stderr=json)
    one, other = (numbered_log(log) for log in logs)
    candidates = search_cores(one, other) if search else None
    if user_core or item_core:
        left = core_places(other, user_core, item_core, core)
        if not len(left):
            raise InputError(f"user_core {user_core} and item_core {item_core} leave nothing of {b}; lower them")
        other = only(other, left)
    found = compare(one, other, (Path(a).name, Path(b).name))
    if json:
        print_json({"comparison": found, "candidates": candidates})
    else:
        console().print(comparison_report(found, candidates), highlight=False)


def _say(notes: tuple[str, ...], *, stderr: bool = False) -> None:
    """What reading changed or left out."""
    for note in notes:
        console(stderr=stderr).print(note, highlight=False, soft_wrap=True)
