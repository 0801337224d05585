"""What a finished run is used for: recommend, evaluate again, show its table."""

from __future__ import annotations

import json as json_text
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nextitem.cli.code import TrustCode, code_of_run
from nextitem.cli.shared import AsJson, MovedData, RunPath, console, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.runs.recommend import Run

ROOM = 40  # of rank and score, beside an id


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
            help='JSON lines, ["a", "b"] or {"history": ["a"], "user": "u"}, one answer each; - is standard input.',
        ),
    ] = None,
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
    json: AsJson = False,
    trust_code: TrustCode = False,
) -> None:
    """Recommend the next items for a history of raw item ids, for a file of them (--histories), or for a session as it
    goes on (--live)."""
    if histories is not None:
        if history is not None or user is not None or live:
            raise InputError("--histories has histories and users in its lines; leave --history, --user, --live out")
        _answer_lines(_opened(folder, trust_code), histories, k, unknown, not keep_seen)
        return
    if history is None and not live:
        raise InputError(
            "nextitem recommend needs --history 50,172,181 (or --histories FILE: a JSON list a line, or --live: one "
            "item a line of standard input)"
        )
    ids = ids_of(history or "")
    if live:
        if user is not None:
            raise InputError(f"--live follows a session by its items, found --user {user}; leave one of them out")
        _follow(_opened(folder, trust_code), ids, k, unknown == "skip", not keep_seen)
        return

    from rich.cells import cell_len

    from nextitem.report.tables import FittingTable

    found = _opened(folder, trust_code).recommend(
        [ids], k, users=None if user is None else [user], unknown=unknown, exclude_seen=not keep_seen
    )[0]
    if found.problem:
        raise InputError(found.problem)
    if json:
        print_json(found)
        return
    items = [on_a_line(item) for item in found.items]
    table = FittingTable("rank", "item", "score", box=None)
    for place, (item, score) in enumerate(zip(items, found.scores, strict=True), start=1):
        table.add_row(str(place), item, f"{score:.4f}")
    screen = console()
    screen.width = max(screen.width, *(cell_len(item) + ROOM for item in items))  # an id is never cut, or on two lines
    screen.print(table)
    if found.skipped:
        told = ", ".join(map(on_a_line, found.skipped))
        screen.print(f"skipped, since the model does not know them: {told}", highlight=False, soft_wrap=True)


def _opened(folder: Path, trust_code: bool) -> Run:
    from nextitem.runs.recommend import load

    return load(folder, models=code_of_run(folder, trust_code))


def ids_of(text: str) -> list[Any]:
    """A JSON list, or ids between commas, without the spaces around them.

    >>> ids_of("50, a b"), ids_of('["a, b", " c"]'), ids_of("[Remix],[/b]")
    (['50', 'a b'], ['a, b', ' c'], ['[Remix]', '[/b]'])
    """
    if text.lstrip().startswith("["):
        with suppress(json_text.JSONDecodeError):
            return _checked(json_text.loads(text), "--history")
    return [one.strip() for one in text.split(",") if one.strip()]


def on_a_line(item: object) -> str:
    r"""An id as it is, or as a JSON text where it would break the line or tell the terminal what to do.

    >>> on_a_line("a, b"), on_a_line("a\nb")
    ('a, b', '"a\\nb"')
    """
    return str(item) if str(item).isprintable() else json_text.dumps(str(item))


def _checked(found: Any, place: str) -> list[Any]:
    """An id is text, or a whole number."""
    if not isinstance(found, list):
        raise InputError(f"{place}: a history is a list of item ids, found {found!r}")
    for one in found:
        if not isinstance(one, str | int) or isinstance(one, bool):
            raise InputError(f"{place}: an item id is text or a whole number, found {one!r}")
    return found


def _answer_lines(run: Run, file: str, k: int, unknown: Literal["error", "skip"], exclude_seen: bool) -> None:
    """A JSON line of items, scores, what was skipped and why, for each line of the file."""
    rows = _read_lines(file)
    users = [user for *_, user in rows]
    found = run.recommend(
        [history for _, history, _ in rows],
        k,
        users=None if all(user is None for user in users) else users,
        unknown=unknown,
        exclude_seen=exclude_seen,
        names=[place for place, *_ in rows],
    )
    for one in found:
        typer.echo(json_text.dumps(asdict(one), ensure_ascii=False))


def _read_lines(file: str) -> list[tuple[str, list[Any], Any]]:
    """Of every line that is not blank: what errors call it, the history, and the user or None."""
    name = "standard input" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"--histories {file} cannot be read: {error}") from error
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{name}, line {number}"
        try:
            found = json_text.loads(line)
        except json_text.JSONDecodeError as error:
            raise InputError(f'{place}: a line is a JSON list of item ids, such as ["a", "b"]; {error}') from error
        user = None
        if isinstance(found, dict):
            if not {"history"} <= found.keys() <= {"history", "user"}:
                raise InputError(f'{place}: the keys are "history" and "user", found {", ".join(found) or "none"}')
            found, user = found["history"], found.get("user")
        if user is not None:
            _checked([user], place)
        rows.append((place, _checked(found, place), user))
    return rows


def _follow(run: Run, history: list[str], k: int, skips: bool, exclude_seen: bool) -> None:
    """A line of k items for each line of standard input; what one costs does not grow with the session."""
    from nextitem.runs.live import Session

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
    data: MovedData = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
) -> None:
    """Evaluate a finished run on its test cases under another protocol."""
    from nextitem.report.console import protocol_table
    from nextitem.runs.reevaluate import evaluate_again

    names = None if metrics is None else [name.strip() for name in metrics.split(",")]
    models = code_of_run(folder, trust_code)
    report = evaluate_again(folder, protocol, seen, ties, names, seed, data, models)
    if json:
        print_json({"protocol": report.protocol, "test": report.means(), "notes": report.notes})
    else:
        console().print(protocol_table(report))


def show(folder: RunPath, json: AsJson = False) -> None:
    """Show the test table of a finished run again."""
    from nextitem.report.console import test_table
    from nextitem.runs.folder import RunFolder

    report = RunFolder(folder).read_report()
    if json:
        print_json(report)
    else:
        console().print(test_table(report))
