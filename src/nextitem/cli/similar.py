"""`nextitem similar`: which items are near an item, or which users near a user."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, RunPath, console, print_json
from nextitem.errors import InputError


def similar(
    folder: RunPath,
    item: Annotated[str | None, typer.Argument(metavar="[ITEM]", help="The id of an item of the run's data.")] = None,
    user: Annotated[str | None, typer.Option(help="The id of a user of the run's data, in place of an item.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many items, or users.")] = 10,
    by: Annotated[
        Literal["vectors", "counts"],
        typer.Option(help="vectors: cosines of the model's vectors; counts: the share of what both have in common."),
    ] = "vectors",
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Show what is most like an item, or with --user who is most like a user: by the vectors that the model has of
    them, or by common users (of users: by common items).

    These are counted in the histories that the run keeps: what both have / the root of what each has."""
    if (item is None) == (user is None):
        raise InputError("similar needs an item, or a user, and not both: similar RUN 50, or similar RUN --user 196")
    from nextitem.cli.ranked import on_a_line, print_ranked
    from nextitem.runs.asking.recommend import load
    from nextitem.runs.asking.similar import Similar

    run = load(folder, models=code_of_run(folder, trust_code, code))
    found = run.similar(item, k, by) if user is None else run.similar_users(user, k, by)
    near, what = (found.items, "item") if isinstance(found, Similar) else (found.users, "user")
    if json:
        print_json(found)
    elif not near:
        console().print(
            f"{'nothing' if user is None else 'nobody'} is like {on_a_line(item if user is None else user)} by {by}",
            highlight=False,
            soft_wrap=True,
        )
    else:
        print_ranked(near, found.similarities, "similarity", what)
