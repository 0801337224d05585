"""The public data sets: what there is, and what is known of one."""

from __future__ import annotations

from typing import Annotated

import typer

from nextitem.cli.shared import AsJson, console, print_json


def datasets(
    name: Annotated[str | None, typer.Argument(help="A data set's name, or amazon-2014.")] = None, json: AsJson = False
) -> None:
    """List the public data sets, or show one: terms, addresses, files, recipe, citation."""
    from nextitem.report.datasets import datasets_page, datasets_table, facts_of

    if json:
        print_json(facts_of(name or ""))
        return

    console().print(datasets_table() if name is None else datasets_page(name))
