"""`nextitem index`: an index beside a run, for approximate search among many items."""

from __future__ import annotations

from typing import Annotated

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, OwnRunPath, console, print_json


def index(
    folder: OwnRunPath,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Flat, IVFx,Flat or HNSWx,Flat, x by size or a number; SQ8 or PQm for Flat [by the catalogue's size]."
        ),
    ] = None,
    recall: Annotated[
        float | None, typer.Option(help="Search as hard as this share of the k best takes, such as 0.98 [the usual].")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Of which list the recall is measured.")] = 10,
    evaluated: Annotated[
        bool, typer.Option("--evaluated", help="Of the weights that were evaluated, not of those of --refit.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the users by whom the recall is measured.")] = 0,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Index the item vectors of a run for `recommend --ann` and `evaluate --ann`, and say what recall it has.

    The recall is measured on users who did not choose how hard it searches. Exact search needs no index."""
    from nextitem.runs.asking.recommend import load

    run = load(folder, models=code_of_run(folder, trust_code, code), evaluated=evaluated)
    note = run.index(kind, recall=recall, k=k, seed=seed)
    if json:
        print_json(note)
    else:
        console().print(f"{folder}: {note}", highlight=False, soft_wrap=True)
