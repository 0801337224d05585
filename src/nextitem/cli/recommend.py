"""`nextitem recommend`: a finished run is asked for the next items."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.questions import HistoryRatings, HistoryTimes, answer_lines, ids_of, listed
from nextitem.cli.ranked import on_a_line, print_ranked
from nextitem.cli.shared import AsJson, MovedData, RunPath, console, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.runs.asking.recommend import Run
    from nextitem.runs.asking.recommendation import Recommendation

    Asking = Callable[..., list[Recommendation]]  # histories, and users, times, at, names


def recommend(
    folder: RunPath,
    history: Annotated[
        str | None,
        typer.Option(help='Item ids, oldest first, separated by commas; or a JSON list of them: \'["a, b", "c d"]\'.'),
    ] = None,
    histories: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help='JSON lines, ["a", "b"] or {"history": ["a"], "user": "u"}, one answer each; - is standard input. A '
            "line may have times, ratings, at and candidates too.",
        ),
    ] = None,
    times: HistoryTimes = None,
    ratings: HistoryRatings = None,
    at: Annotated[
        str | None, typer.Option(metavar="T", help="When is asked, for models that go by it [the newest item's time].")
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(help="A user's id: by what the run keeps of the user; of models that know users, with --history."),
    ] = None,
    everyone: Annotated[
        str | None,
        typer.Option("--for", metavar="all|FILE", help="Many users: all of the run, or a file with an id a line."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of --for: a .parquet, .csv or .jsonl with a row an item.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    unknown: Annotated[
        Literal["error", "skip"], typer.Option(help="What to do with unknown ids: error or skip.")
    ] = "error",
    fallback: Annotated[
        Literal["none", "popularity"] | None,
        typer.Option(help="What unknown users get: none, or popularity, the run's most popular items (--for's)."),
    ] = None,
    keep_seen: Annotated[bool, typer.Option("--keep-seen", help="Items of the history may come back.")] = False,
    exclude: Annotated[
        str | None, typer.Option(metavar="FILE|CONDITION", help="Items that nobody is recommended; as --only.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|CONDITION",
            help="The only items that are recommended: an id a line, or a condition over the attributes of the run's "
            "data, such as 'category == shoes and price < 50'.",
        ),
    ] = None,
    at_most: Annotated[
        int | None, typer.Option("--at-most", metavar="N", help="So many items of a category in a list; with --by.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Of --at-most: an attribute of the items.")] = None,
    boost: Annotated[str | None, typer.Option(hidden=True)] = None,
    data: MovedData = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Read one more item a line from standard input, and answer each with a line."),
    ] = False,
    ann: Annotated[
        bool, typer.Option("--ann", help="By the run's index (nextitem index), which may miss some of the best.")
    ] = False,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Recommend the next items for a history of raw item ids, for a user of the run's data (--user), for a file of
    histories (--histories), for all users (--for all --out FILE), or for a session as it goes on (--live).

    Without a history, a user's own is what the run keeps: all that its data has of the user."""
    if boost is not None:
        raise InputError(
            f"--boost {boost}: scores stay the model's, since a column has no unit that could be added to them; choose "
            "by it (--only 'column == value') or spread by it (--at-most 2 --by column)"
        )
    if out is not None and everyone is None:
        raise InputError(f"--out {out} is of --for: add --for all, or --for FILE with an id a line")
    if everyone is not None:
        from nextitem.cli.everyone import answer_everyone, check_everyone, hidden_of
        from nextitem.runs.asking.answers import Rules

        asked = {"--history": history, "--histories": histories, "--user": user, "--live": live}
        asked |= {"--times": times, "--ratings": ratings, "--at": at}
        others = [name for name, given in asked.items() if given not in (None, False)] + (
            ["--unknown"] if unknown == "skip" else []
        )
        place, run = check_everyone(out, others), _opened(folder, trust_code, code, data)
        rules = Rules(k, hidden_of(run, exclude, only), not keep_seen, run.limit(at_most, by))
        answer_everyone(run, everyone, place, rules, fallback or "popularity", json, ann)
        return
    if histories is not None and (history is not None or user is not None or live):
        raise InputError("--histories has histories and users in its lines; leave --history, --user, --live out")
    is_beside = live or histories is not None
    if ratings is not None and (history is None or is_beside):
        raise InputError("--ratings are of --history; leave them out (a line of --histories has its own)")
    if (times is not None and (history is None or is_beside)) or (at is not None and is_beside):
        raise InputError(
            "--times are of --history, --at of that or of --user; leave them out (a line of --histories has its own: "
            '{"history": ["a"], "times": [1396866669], "at": 1396866700})'
        )
    if history is None and histories is None and user is None and not live:
        raise InputError(
            "nextitem recommend needs --history 50,172,181 (or --user ID, whose history the run keeps; --for all --out "
            "FILE; --histories FILE: a JSON list a line; or --live: one item a line of standard input)"
        )
    if live and user is not None:
        raise InputError(f"--live follows a session by its items, found --user {user}; leave one of them out")
    if live and (fallback or exclude or only or at_most or by):
        raise InputError(
            "--live takes no --fallback, --exclude and --only, and no --at-most; leave them out, or ask with --history"
        )
    if live and ann:
        raise InputError("--live scores every item; leave --ann out")
    run = _opened(folder, trust_code, code, data)
    if live:
        _follow(run, ids_of(history or ""), k, unknown == "skip", not keep_seen)
        return
    how = _how(run, k, unknown, fallback or "none", not keep_seen, exclude, only, ann, at_most, by)
    if histories is not None:
        answer_lines(histories, how)
        return
    asked_of = None if history is None else ids_of(history)
    told = {"times": times, "ratings": ratings}
    beside: dict[str, list[Any] | None] = {
        name: None if text is None else [listed(text)] for name, text in told.items()
    }
    beside["at"] = None if at is None else [at]
    _answer_one(run, asked_of, user, partial(how, **beside), json)


def _how(
    run: Run,
    k: int,
    unknown: Literal["error", "skip"],
    fallback: Literal["none", "popularity"],
    exclude_seen: bool,
    exclude: str | None,
    only: str | None,
    ann: bool,
    at_most: int | None,
    by: str | None,
) -> Asking:
    """`Run.recommend` with what the options say, but for histories and what stands beside them."""
    from nextitem.cli.everyone import listed_items

    excluded, shown = (listed_items(run, path, name) for path, name in ((exclude, "exclude"), (only, "only")))

    def asking(
        histories: list[list[Any]] | None,
        users: list[Any] | None,
        times: list[list[Any]] | None = None,
        ratings: list[list[Any]] | None = None,
        at: list[Any] | None = None,
        names: list[str] | None = None,
        candidates: list[list[Any]] | None = None,
    ) -> list[Recommendation]:
        return run.recommend(
            histories, k, users=users, times=times, ratings=ratings, at=at, unknown=unknown, exclude_seen=exclude_seen,
            exclude=excluded or (), only=shown, fallback=fallback, names=names, ann=ann, at_most=at_most,
            by=by, candidates=candidates,
        )  # fmt: skip

    return asking


def _answer_one(run: Run, history: list[Any] | None, user: str | None, how: Asking, json: bool) -> None:
    if history is not None and user is not None and not run.model.knows_users:
        raise InputError(
            f"{run.recipe.model.label} does not know users: it answers the history alone, whoever's it is; leave "
            f"--user {user} out, or --history, for what the run keeps of that user"
        )
    found = how(None if history is None else [history], None if user is None else [user])[0]
    if found.problem and found.source == "model":
        raise InputError(found.problem)
    if json:
        print_json(found)
        return
    print_ranked(found.items, found.scores, "score")
    screen = console()
    if found.source == "popularity":
        screen.print(f"{found.problem}: these are the most popular items", highlight=False, soft_wrap=True)
    if found.skipped:
        told = ", ".join(map(on_a_line, found.skipped))
        screen.print(f"skipped, since the model does not know them: {told}", highlight=False, soft_wrap=True)


def _opened(folder: Path, trust_code: bool, code: Path | None, data: str | None) -> Run:
    from nextitem.runs.asking.recommend import load

    return replace(load(folder, models=code_of_run(folder, trust_code, code)), data_place=data)


def _follow(run: Run, history: list[str], k: int, skips: bool, exclude_seen: bool) -> None:
    """A line of k items for each line of standard input; what one costs does not grow with the session."""
    from nextitem.runs.asking.live import Session

    session = Session(run)

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
        item = line.rstrip("\r\n")
        if item.strip() and is_added(item):
            typer.echo(" ".join(map(_word, session.recommend(k, exclude_seen=exclude_seen).items)))


def _word(item: object) -> str:
    """An id among others between spaces: as it is, or as a JSON text where it has a space, or begins as such a text."""
    text = str(item)
    return json_text.dumps(text, ensure_ascii=False) if text != "".join(text.split()) or text.startswith('"') else text
