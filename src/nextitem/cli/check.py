"""`nextitem check`: what the readers make of a file, or the first line that breaks a rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextitem.cli.shared import console

if TYPE_CHECKING:
    import polars as pl

    from nextitem.data.log.bad_lines import BadLinesRule
    from nextitem.data.sources.formats.checking import Understood
    from nextitem.data.sources.formats.quoting import Quote
    from nextitem.data.sources.formats.roles import Roles


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A log, a folder with one, or a public data set.")],
    format: Annotated[str, typer.Option(help="Of the log, as data.format.")] = "auto",
    separator: Annotated[str | None, typer.Option(help="Of a table.")] = None,
    quote: Annotated[
        Literal["auto", "none", "double"], typer.Option(help="Of a table: whether quotes hold fields, or are letters.")
    ] = "auto",
    user: Annotated[str | None, typer.Option(help="The user's column.")] = None,
    item: Annotated[str | None, typer.Option(help="The item's column.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="The time's column.")] = None,
    rating: Annotated[str | None, typer.Option(help="The rating's column.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Of dates that are text, as strptime has it.")] = None,
    bad_lines: Annotated[
        Literal["error", "skip"],
        typer.Option(
            "--bad-lines", "--bad_lines", help="As data.bad_lines: refuse bad lines, or count and leave them out."
        ),
    ] = "error",
) -> None:
    """Say how a file is understood, or name its first bad line (exit code 2); of a folder, also what fits together.

    A folder with one .inter is looked at whole: its .user .item .kg .link .net of the same stem beside it; with one
    X.txt, its X_item2attributes.json; with the files of a split, each of them; with a graph, the graph. A folder of
    nextitem prepare is checked array by array. A public data set is named as for run.
    """
    from nextitem.data.sources.beside import beside_source
    from nextitem.data.sources.formats.roles import Roles
    from nextitem.data.sources.opening import locate
    from nextitem.data.sources.public import PUBLIC_DATA
    from nextitem.data.splits.given import given_files
    from nextitem.data.synthetic import SYNTHETIC
    from nextitem.errors import InputError

    if file in SYNTHETIC:
        raise InputError(f"{file} is made by nextitem and has no file to check; nextitem describe {file} looks at it")
    folder = Path(file).expanduser()
    if file not in PUBLIC_DATA and (folder / "dataset.json").is_file():
        told = (separator, user, item, timestamp, rating, time_format)
        if (format, quote, bad_lines) != ("auto", "auto", "error") or told != (None,) * len(told):
            raise InputError(
                f"{file} is prepared already; leave out its format, columns, separator, quote and bad lines"
            )
        _check_prepared(folder)
        return
    roles = Roles(user, item, timestamp, rating, time_format)
    parts = given_files(folder) if file not in PUBLIC_DATA and folder.is_dir() else None
    if parts is not None:
        logs = [part for part in parts if part is not None]
        all_found = [_check_log(part, format, separator, quote, roles, bad_lines) for part in logs]
        if not _check_side(beside_source(file, logs[0]), all_found[0]) or any(one is None for one in all_found):
            raise typer.Exit(2)
        return
    log, known_format, said = locate(file)
    if known_format is not None:
        console().print(said, highlight=False, soft_wrap=True)
        format = known_format if format == "auto" else format
    found = _check_log(log, format, separator, quote, roles, bad_lines)
    is_good = found is not None
    if known_format is not None or folder.is_dir():
        is_good = _check_side(beside_source(file, log), found)
    if not is_good:
        raise typer.Exit(2)


def _check_log(
    path: Path, format: str, separator: str | None, quote: Quote, roles: Roles, bad_lines: BadLinesRule
) -> Understood | None:
    """None: it is refused."""
    import time

    from nextitem.data.sources.formats.checking import check as understand
    from nextitem.errors import InputError
    from nextitem.report.check import refusal_report, understood_report

    try:
        found = understand(
            path, time.time(), format=format, separator=separator, columns=roles, quote=quote, bad_lines=bad_lines
        )
    except InputError as error:
        console().print(refusal_report(path, error), highlight=False)
        return None
    console().print(understood_report(path.name, found), highlight=False)
    return found


def _check_prepared(folder: Path) -> None:
    from nextitem.data.inspecting import inspect
    from nextitem.errors import InputError
    from nextitem.report.check import prepared_report, refusal_report
    from nextitem.report.console import data_table

    try:
        dataset = inspect(folder)
    except InputError as error:
        console().print(refusal_report(folder, error), highlight=False)
        raise typer.Exit(2) from error
    console().print(prepared_report(folder.name, dataset), highlight=False)
    console().print(data_table(dataset))


def _check_side(paths: dict[str, Path], found: Understood | None) -> bool:
    """Each table beside a log, then all of them together if none is refused. Whether all is good."""
    from nextitem.data.sources.side_tables import SideTables, read_table
    from nextitem.data.sources.strangers import strangers
    from nextitem.errors import InputError
    from nextitem.report.check import refusal_report, side_report, strangers_report, warning

    screen = console()
    tables: dict[str, pl.DataFrame] = {}
    is_good = found is not None
    for role, path in paths.items():
        try:
            table = read_table(path, role)
        except InputError as error:
            screen.print(refusal_report(path, error), highlight=False)
            is_good = False
        else:
            tables[role] = table
            screen.print(side_report(path.name, table), highlight=False)
    if found is None or not is_good or not tables:
        return is_good
    names = {role: path.name for role, path in paths.items()}
    screen.print(strangers_report(strangers(found.log, SideTables(**tables), names)), highlight=False)
    if "links" in tables and "knowledge" not in tables:
        screen.print(warning("there is a .link but no .kg; links say nothing without a graph"))
    fit = [_check_graph(found.log, paths, graph) for graph in ("knowledge", "trust") if graph in tables]
    return all(fit)


def _check_graph(log: pl.DataFrame, paths: dict[str, Path], graph: Literal["knowledge", "trust"]) -> bool:
    """The graph, or the network, in the numbers of the log. Whether it fits."""
    from nextitem.data.dataset import Dataset
    from nextitem.data.log.interactions import Interactions
    from nextitem.data.sources.graphs_of import GRAPHS
    from nextitem.data.sources.side_tables import attach, read_side
    from nextitem.diagnosis.graphs import graph_findings, measure_graph
    from nextitem.diagnosis.networks import measure_network, network_findings
    from nextitem.errors import InputError
    from nextitem.report.check import refusal_report
    from nextitem.report.diagnosis import finding
    from nextitem.report.graph import graph_table
    from nextitem.report.network import network_table

    screen = console()
    dataset = Dataset.from_interactions(Interactions.from_frame(log.select("user", "item"), timestamp=None))
    try:
        attached = attach(dataset, read_side({role: paths[role] for role in GRAPHS[graph] if role in paths}))
    except InputError as error:
        screen.print(refusal_report(paths[graph], error), highlight=False)
        return False
    for note in attached.notes[len(dataset.notes) :]:
        screen.print(note, highlight=False, soft_wrap=True)
    if attached.knowledge is not None:
        screen.print(graph_table(measure_graph(attached.knowledge)), highlight=False)
        findings = graph_findings(attached.knowledge, attached)
    else:
        assert attached.trust is not None
        measured = measure_network(attached.trust, attached)
        screen.print(network_table(measured), highlight=False)
        findings = network_findings(measured)
    for one in findings:
        screen.print(finding(one), highlight=False)
    return True
