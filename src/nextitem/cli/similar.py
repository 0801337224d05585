"""`nextitem similar`: which items are near an item."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, RunPath, console, print_json


def similar(
    folder: RunPath,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The id of an item of the run's data.")],
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    by: Annotated[
        Literal["vectors", "counts"],
        typer.Option(help="vectors: cosines of the model's item vectors; counts: the share of common users."),
    ] = "vectors",
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Show the items that are most like an item: by the vectors that the model has of items, or by who met both.

    Common users are counted in the histories that the run keeps (users of both / the root of the users of each)."""
    from nextitem.cli.ranked import on_a_line, print_ranked
    from nextitem.runs.asking.recommend import load

    found = load(folder, models=code_of_run(folder, trust_code, code)).similar(item, k, by)
    if json:
        print_json(found)
    elif not found.items:
        console().print(f"nothing is like {on_a_line(item)} by {by}", highlight=False, soft_wrap=True)
    else:
        print_ranked(found.items, found.similarities, "similarity")
