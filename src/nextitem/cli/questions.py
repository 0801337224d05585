"""Questions of `nextitem recommend` as they are typed: lists of ids and times, and files with a JSON line for each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from nextitem.errors import InputError

HistoryTimes = Annotated[
    str | None,
    typer.Option(
        metavar="T1,T2,..",
        help="When the items of --history were met, for models that go by times: seconds or dates, as in a log.",
    ),
]
HistoryRatings = Annotated[
    str | None,
    typer.Option(
        metavar="R1,R2,..",
        help="How the items of --history were rated, for models that go by ratings: numbers, or their words "
        "where the run's log has kinds of events.",
    ),
]


@dataclass(frozen=True)
class Question:
    """A line of a file, what it asks, and what errors call it."""

    place: str
    history: list[Any]
    user: Any = None
    times: list[Any] | None = None
    ratings: list[Any] | None = None
    at: Any = None
    candidates: list[Any] | None = None


def ids_of(text: str) -> list[Any]:
    """The items of --history."""
    return _ids(listed(text), "--history")


def listed(text: str) -> list[Any]:
    """A JSON list, or what stands between commas, without the spaces around.

    >>> listed("50, a b"), listed('["a, b", " c"]'), listed("[Remix],[/b]")
    (['50', 'a b'], ['a, b', ' c'], ['[Remix]', '[/b]'])
    """
    if text.lstrip().startswith("["):
        with suppress(json.JSONDecodeError):
            found: list[Any] = json.loads(text)
            return found
    return [one.strip() for one in text.split(",") if one.strip()]


def answer_lines(file: str, how: Callable[..., list[Any]]) -> None:
    """A JSON line of items, scores, what was skipped and why, for each line of the file."""
    asked = _read_lines(file)
    beside = {
        name: values if any(one is not None for one in values) else None
        for name, values in (
            ("users", [one.user for one in asked]),
            ("times", [one.times for one in asked]),
            ("ratings", [one.ratings for one in asked]),
            ("at", [one.at for one in asked]),
            ("candidates", [one.candidates for one in asked]),
        )
    }
    if without := [one.place for one in asked if one.candidates is None and beside["candidates"] is not None]:
        raise InputError(f"{without[0]} has no candidates, and other lines have; give all of them some")
    for one in how([one.history for one in asked], names=[one.place for one in asked], **beside):
        typer.echo(json.dumps(asdict(one), ensure_ascii=False))


def _read_lines(file: str) -> list[Question]:
    """Of every line that is not blank."""
    name = "standard input" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"--histories {file} cannot be read: {error}") from error
    lines = enumerate(text.split("\n"), start=1)
    return [_read_line(line, f"{name}, line {number}") for number, line in lines if line.strip()]


def _read_line(line: str, place: str) -> Question:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f'{place}: a line is a JSON list of item ids, such as ["a", "b"]; {error}') from error
    if not isinstance(found, dict):
        return Question(place, _ids(found, place))
    if not {"history"} <= found.keys() <= {"history", "user", "times", "ratings", "at", "candidates"}:
        told = ", ".join(found) or "none"
        raise InputError(
            f'{place}: the keys are "history", and maybe "user", "times", "ratings", "at" and "candidates", found '
            f"{told}"
        )
    if found.get("user") is not None:
        _ids([found["user"]], place)
    for name in ("times", "ratings"):
        if not isinstance(found.get(name, []), list):
            raise InputError(f"{place}: {name} are a list, found {found[name]!r}")
    if found.get("candidates") is not None:
        _ids(found["candidates"], f"{place}, candidates")
    return Question(place, **found | {"history": _ids(found["history"], place)})


def _ids(found: Any, place: str) -> list[Any]:
    """An id is text, or a whole number."""
    if not isinstance(found, list):
        raise InputError(f"{place}: a history is a list of item ids, found {found!r}")
    for one in found:
        if not isinstance(one, str | int) or isinstance(one, bool):
            raise InputError(f"{place}: an item id is text or a whole number, found {one!r}")
    return found
