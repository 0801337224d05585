"""Why a run recommends what it recommends: paths of its knowledge graph."""

from __future__ import annotations

from typing import Annotated

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, MovedData, RunPath, console, print_json


def explain(
    folder: RunPath,
    user: Annotated[str, typer.Option(help="Whose recommendations: an id of the run's data.")],
    item: Annotated[str | None, typer.Option(help="Items to explain, with commas [the best of the user].")] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many of the best items, without --item.")] = 3,
    paths: Annotated[int, typer.Option(min=1, help="How many paths to each item.")] = 5,
    names: Annotated[str | None, typer.Option(help="An attribute to call items by, such as title [ids].")] = None,
    data: MovedData = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Say by which paths of its knowledge graph a run recommends items to a user."""
    from nextitem.report.explanations import explanation_table
    from nextitem.runs.asking.explain import explain as explained

    items = None if item is None else [one.strip() for one in item.split(",")]
    found = explained(
        folder, user, items, top=k, paths=paths, names=names, data=data, models=code_of_run(folder, trust_code, code)
    )
    if json:
        print_json(found)
        return
    for one in found:
        console().print(explanation_table(one))
