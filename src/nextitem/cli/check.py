"""`nextitem check`: what the readers make of a file, or the first line that breaks a rule."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nextitem.cli.shared import AsJson, console, in_options, print_json, told_in_options
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.data.log.bad_lines import BadLinesRule
    from nextitem.data.sources.checked import Checked
    from nextitem.data.sources.formats.checking import Understood
    from nextitem.data.sources.formats.format import Options
    from nextitem.data.sources.formats.quoting import Quote
    from nextitem.data.sources.formats.roles import Roles


OPTIONS = (
    *("format", "separator", "quote", "user", "item", "timestamp", "rating", "time_format", "where"),
    *("kind", "kinds", "bad_lines"),
)  # in place of keys


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A log, a pattern, a folder, or a public data set.")],
    format: Annotated[str, typer.Option(help="Of the log, as data.format.")] = "auto",
    separator: Annotated[str | None, typer.Option(help="Of a table.")] = None,
    quote: Annotated[
        Literal["auto", "none", "double"], typer.Option(help="Of a table: whether quotes hold fields, or are letters.")
    ] = "auto",
    user: Annotated[str | None, typer.Option(help="The user's column, or several: user_id,sequence_id.")] = None,
    item: Annotated[str | None, typer.Option(help="The item's column.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="The time's column.")] = None,
    rating: Annotated[str | None, typer.Option(help="The rating's column.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Of dates that are text, as strptime has it.")] = None,
    where: Annotated[str | None, typer.Option(help="Rows that count, as data.where.")] = None,
    kind: Annotated[str | None, typer.Option(help="The column of an event's kind, as data.kind.")] = None,
    kinds: Annotated[str | None, typer.Option(help="The number of each: view=1,cart=3, as data.kinds.")] = None,
    bad_lines: Annotated[
        Literal["error", "skip"],
        typer.Option(
            "--bad-lines", "--bad_lines", help="As data.bad_lines: refuse bad lines, or count and leave them out."
        ),
    ] = "error",
    json: AsJson = False,
) -> None:
    """Say how a file is understood, or name its first bad line (exit code 2); of a folder, also what fits together.

    A folder with one .inter is looked at whole: its .user .item .kg .link .net of the same stem beside it; with one
    X.txt, its X_item2attributes.json; with the files of a split, each of them; with a graph, the graph. A folder of
    nextitem prepare is checked array by array. A public data set is named as for run.
    """
    from nextitem.data.sources.beside import beside_source
    from nextitem.data.sources.checked import Checked, with_side
    from nextitem.data.sources.formats.format import Options
    from nextitem.data.sources.formats.roles import asked_roles
    from nextitem.data.sources.opening import files_of, locate
    from nextitem.data.sources.public import PUBLIC_DATA
    from nextitem.data.splits.given import given_files
    from nextitem.data.synthetic import SYNTHETIC

    if file in SYNTHETIC:
        raise InputError(f"{file} is made by nextitem and has no file to check; nextitem describe {file} looks at it")
    folder = Path(os.path.expanduser(file))
    if file not in PUBLIC_DATA and (folder / "dataset.json").is_file():
        told = (separator, user, item, timestamp, rating, time_format, where, kind, kinds)
        if (format, quote, bad_lines) != ("auto", "auto", "error") or told != (None,) * len(told):
            raise InputError(
                f"{file} is prepared already; leave out its format, columns, where, separator, quote and bad lines"
            )
        _check_prepared(folder, json)
        return
    with told_in_options(OPTIONS):
        roles = asked_roles(
            user=user, item=item, timestamp=timestamp, rating=rating, time_format=time_format, where=where, kind=kind,
            kinds=kinds,
        )  # fmt: skip
    parts = given_files(folder) if file not in PUBLIC_DATA and folder.is_dir() else None
    if parts is not None:
        logs = [part for part in parts if part is not None]
        found = [_understood(one, format, separator, quote, roles, bad_lines) for one in logs]
        first = with_side(logs[0], found[0], beside_source(file, logs[0]))
        _tell([first, *(Checked(*one) for one in zip(logs[1:], found[1:], strict=True))], json)
        return
    if (files := files_of(file)) is not None:
        _tell([_many(file, files, format, Options(roles, separator, quote, bad_lines))], json)
        return
    log, known_format, said = locate(file)
    if known_format is not None:
        console(stderr=json).print(said, highlight=False, soft_wrap=True)
        format = known_format if format == "auto" else format
    is_whole = known_format is not None or folder.is_dir()
    understood = _understood(log, format, separator, quote, roles, bad_lines)
    _tell([with_side(log, understood, beside_source(file, log) if is_whole else {})], json)


def _many(source: str, files: Sequence[Path], format: str, options: Options) -> Checked:
    """The files of one log; what refuses one is told of it."""
    import time

    from nextitem.data.sources.checked import Checked, with_side
    from nextitem.data.sources.many import check_many

    try:
        found = check_many(files, time.time(), format, options)
    except InputError as error:
        of_error = next((path for path in files if str(error).startswith((path.name, str(path)))), Path(source))
        return Checked(of_error, in_options(error, OPTIONS))
    return with_side(Path(source), found, {})


def _tell(checked: list[Checked], json: bool) -> None:
    """A log, or the parts of a split, each; of one alone JSON is no list."""
    from nextitem.report.check import checked_facts, checked_report

    if json:
        print_json([checked_facts(one) for one in checked] if len(checked) > 1 else checked_facts(checked[0]))
    else:
        for one in checked:
            console().print(checked_report(one), highlight=False)
    if not all(one.is_good for one in checked):
        raise typer.Exit(2)


def _understood(
    path: Path, format: str, separator: str | None, quote: Quote, roles: Roles, bad_lines: BadLinesRule
) -> Understood | InputError:
    """What a file is, or what refuses it."""
    import time

    from nextitem.data.sources.formats.checking import check as understand

    try:
        return understand(
            path, time.time(), format=format, separator=separator, columns=roles, quote=quote, bad_lines=bad_lines
        )
    except InputError as error:
        return in_options(error, OPTIONS)


def _check_prepared(folder: Path, json: bool) -> None:
    from nextitem.data.inspecting import inspect
    from nextitem.report.check import prepared_report, refusal_facts, refusal_report
    from nextitem.report.data import data_facts, data_table

    screen = console()
    try:
        dataset = inspect(folder)
    except InputError as error:
        if json:
            print_json(refusal_facts(folder, error))
        else:
            screen.print(refusal_report(folder, error), highlight=False)
        raise typer.Exit(2) from error
    if json:
        print_json({"file": folder.name, "is_good": True, **data_facts(dataset)})
        return
    screen.print(prepared_report(folder.name, dataset), highlight=False)
    screen.print(data_table(dataset))
