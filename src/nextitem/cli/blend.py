"""`nextitem blend`: finished runs and counted models in one recommender."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.shared import AsJson, MovedData, console, print_json

if TYPE_CHECKING:
    from nextitem.data.splits.split import Holdout


def blend(
    members: Annotated[
        list[str], typer.Argument(metavar="MEMBER", help="Run folders, and names of models that are fitted at once.")
    ],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    data: MovedData = None,
    again: Annotated[bool, typer.Option("--again", help="Replace what stands at --out.")] = False,
    json: AsJson = False,
) -> None:
    """Blend finished runs and counted models: `nextitem blend runs/sasrec runs/mamba MarkovChain STAN --out runs/all`.

    Their standardised scores are added up; what each counts is chosen on the validation cases. The folder is a run like
    any other: recommend from it, evaluate it.
    """
    from nextitem.report.results import test_table
    from nextitem.runs.several.blend import blend as made
    from nextitem.terminal import tracked

    screen = console(stderr=json)

    def shown(blocks: Iterable[Holdout], total: int) -> Iterable[Holdout]:
        return tracked(screen, blocks, total, "scores of the members")

    run = made(members, out, again=again, data=data, track=shown)
    if json:
        print_json(run.report)
        return
    screen.print(test_table(run.report))
    screen.print(f"kept in {run.folder}", highlight=False, soft_wrap=True)
