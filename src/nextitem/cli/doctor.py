"""`nextitem doctor`: what this installation gives a run, and what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from nextitem.cli.shared import AsJson, console, print_json


def doctor(
    kernels: Annotated[
        bool,
        typer.Option(
            "--kernels",
            help="Compile all kernels now and compare them with their plain forms: minutes, and no run compiles again.",
        ),
    ] = False,
    json: AsJson = False,
) -> None:
    """Show versions, extras, processor, memory, disks, devices and compiled kernels, and what to do about problems.

    It ends with exit code 1 where something is broken. Attach what it prints to a report of a fault."""
    from nextitem.installation.examine import examine
    from nextitem.report.installation import installation_report

    screen = console(stderr=True)

    def tell(name: str) -> None:
        if screen.is_terminal:
            screen.print(f"compiling: {name}", style="dim", highlight=False)

    facts = examine(is_tried=kernels, tell=tell)
    if json:
        print_json(facts)
    else:
        console().print(installation_report(facts), highlight=False)
    if any(fact.verdict == "broken" for fact in facts):
        raise typer.Exit(1)
