"""What a finished run is used for: recommend, evaluate again, show its table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from nextitem.cli.shared import RunPath, console
from nextitem.errors import InputError


def recommend(
    folder: RunPath,
    history: Annotated[str | None, typer.Option(help="Item ids, oldest first, separated by commas.")] = None,
    user: Annotated[str | None, typer.Option(help="The user's id, for models that know users (BPR, ..).")] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    unknown: Annotated[
        Literal["error", "skip"], typer.Option(help="What to do with unknown ids: error or skip.")
    ] = "error",
    keep_seen: Annotated[bool, typer.Option("--keep-seen", help="Items of the history may come back.")] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="Read one more item a line from standard input, and answer each with a line."),
    ] = False,
) -> None:
    """Recommend the next items for a history of raw item ids, or for a session as it goes on (--live)."""
    if history is None and not live:
        raise InputError("nextitem recommend needs --history 50,172,181 (or --live: one item a line of standard input)")
    ids = [one.strip() for one in (history or "").split(",") if one.strip()]
    if live:
        if user is not None:
            raise InputError(f"--live follows a session by its items, found --user {user}; leave one of them out")
        _follow(folder, ids, k, unknown == "skip", not keep_seen)
        return

    from rich.table import Table

    from nextitem.recommend import load

    found = load(folder).recommend(
        [ids], k, users=None if user is None else [user], unknown=unknown, exclude_seen=not keep_seen
    )[0]
    table = Table("rank", "item", "score", box=None)
    for place, (item, score) in enumerate(zip(found.items, found.scores, strict=True), start=1):
        table.add_row(str(place), str(item), f"{score:.4f}")
    console().print(table)
    if found.skipped:
        console().print(f"skipped, since the model does not know them: {', '.join(map(str, found.skipped))}")


def _follow(folder: Path, history: list[str], k: int, skips: bool, exclude_seen: bool) -> None:
    """A line of k items for each line of standard input; what one costs does not grow with the session."""
    from nextitem.recommend import load
    from nextitem.session import Session

    session = Session(load(folder))

    def is_added(item: str) -> bool:
        try:
            session.add(item)
        except InputError as error:
            if not skips:
                raise
            typer.echo(f"nextitem: {error}", err=True)
            return False
        return True

    for item in history:
        is_added(item)
    for line in sys.stdin:
        if (item := line.strip()) and is_added(item):
            typer.echo(" ".join(map(str, session.recommend(k, exclude_seen=exclude_seen).items)))


def evaluate(
    folder: RunPath,
    protocol: Annotated[str, typer.Option(help="full, sampled-N (such as sampled-100), or sasrec.")] = "full",
    seen: Annotated[
        Literal["mask", "mask_unless_target", "keep", "auto"] | None,
        typer.Option(help="mask, mask_unless_target, keep or auto: whether seen items leave the ranking."),
    ] = None,
    ties: Annotated[
        Literal["expected", "expected_rank", "optimistic", "pessimistic"] | None,
        typer.Option(help="expected (the metric, over all orders), or expected_rank, optimistic, pessimistic."),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Such as hr@10,ndcg@10 [the run's].")] = None,
    seed: Annotated[int, typer.Option(help="Of drawn users and negatives.")] = 0,
) -> None:
    """Evaluate a finished run on its test cases under another protocol."""
    from nextitem.reevaluate import evaluate_again
    from nextitem.report.console import protocol_table

    names = None if metrics is None else [name.strip() for name in metrics.split(",")]
    console().print(protocol_table(evaluate_again(folder, protocol, seen, ties, names, seed)))


def show(folder: RunPath) -> None:
    """Show the test table of a finished run again."""
    from nextitem.report.console import test_table
    from nextitem.training.folder import RunFolder

    console().print(test_table(RunFolder(folder).read_report()))
