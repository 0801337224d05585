"""`nextitem recommend RUN --for all|FILE`: recommendations for many users, into a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nextitem.cli.shared import console, print_json
from nextitem.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from nextitem.runs.asking.answers import Rules
    from nextitem.runs.asking.recommend import Run
    from nextitem.runs.asking.rows import Fallback

QUIET = 2.0  # seconds until a bar appears
TOLD = 5  # ids that are named


def answer_everyone(
    run: Run,
    who: str,
    out: Path,
    rules: Rules,
    fallback: Fallback,
    json: bool,
    ann: bool,
) -> None:
    """Write the table, and say whom it is for."""
    from nextitem.runs.asking.everyone import Asked, chunks, ending, write_chunks

    ending(out)
    asked = Asked.everyone(run) if who == "all" else Asked.listed(run, Path(who))
    made = Counts(rules.k)
    tables = chunks(run, asked, rules, fallback=fallback, ann=ann)
    with _bar(len(asked.ids)) as advance:
        write_chunks(made.counted(tables, advance), out)
    strangers = asked.strangers
    left_out = len(strangers) if fallback == "none" else 0
    found = {
        "out": str(out), "users": len(asked.ids), "rows": made.rows, "fewer": len(asked.ids) - left_out - made.full,
        "unknown": len(strangers), "unknown_users": strangers.head(TOLD).to_list(), "fallback": fallback,
    }  # fmt: skip
    if json:
        print_json(found)
        return
    screen = console()
    screen.print(f"{out}: {made.users:,} users, {made.rows:,} rows", highlight=False, soft_wrap=True)
    if len(strangers):
        got = "get the most popular items (from: popularity)" if fallback != "none" else "are left out"
        what = (
            "have no interactions that the model learned from, or are not of the run,"
            if run.users.indices(strangers).any()
            else "are not of the run"
        )
        screen.print(f"{_named(strangers, 'users')} {what} and {got}", highlight=False, soft_wrap=True)
    if found["fewer"]:
        screen.print(
            f"{found['fewer']:,} users have fewer than {rules.k} items left, and so many rows",
            highlight=False,
            soft_wrap=True,
        )


class Counts:
    """What went by on its way into the file."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.users = self.rows = self.full = 0  # full: users who have all k

    def counted(self, tables: Iterator[pl.DataFrame], advance: Any) -> Iterator[pl.DataFrame]:
        for table in tables:
            self.users += table["user"].n_unique()  # a user stands in one chunk alone
            self.rows += len(table)
            self.full += int((table["rank"] == self.k).sum())
            yield table
            advance(table["user"].n_unique())


def hidden_of(run: Run, exclude: str | None, only: str | None) -> np.ndarray:
    """What nobody is recommended, by --exclude and --only."""
    return run.hidden(listed_items(run, exclude, "exclude") or (), listed_items(run, only, "only"))


def listed_items(run: Run, text: str | None, option: str) -> list[Any] | None:
    """The item ids that a condition holds of, or those of a file that the model knows; the others are counted and named
    on stderr."""
    from nextitem.runs.asking.conditions import is_condition
    from nextitem.runs.asking.listed import read_listed

    if text is None:
        return None
    path = Path(text)
    if not path.exists() and is_condition(text):
        return run.items_where(text)
    ids = read_listed(path, "item")
    is_known = run.items.indices(ids) != 0
    if not is_known.all():
        strangers = _named(ids.filter(~is_known), "items")
        console(stderr=True).print(
            f"--{option} {path}: {strangers} are not of the run, and change nothing", highlight=False, soft_wrap=True
        )
    found: list[str] = ids.filter(is_known).to_list()
    return found


def check_everyone(out: Path | None, others: list[str]) -> Path:
    """The file to write; raises InputError where --for has none, or stands beside another question."""
    if others:
        raise InputError(
            f"--for asks for each of its users by what the run keeps of them; leave {', '.join(others)} out"
        )
    if out is None:
        raise InputError("--for needs --out FILE, such as --out recs.parquet (or .csv, .jsonl)")
    return out


def _named(ids: pl.Series, what: str) -> str:
    """`3 users ('a', 'b', 'c')`."""
    more = ", .." if len(ids) > TOLD else ""
    return f"{len(ids):,} {what} ({', '.join(map(repr, ids.head(TOLD).to_list()))}{more})"


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    """A function that is told how many are done; on a terminal a bar shows it, once it takes more than two seconds."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from nextitem.terminal import text_column

    screen = console(stderr=True)
    columns = (text_column("users"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    task, begin = bar.add_task("", total=total), time.monotonic()

    def advance(count: int) -> None:
        if not bar.live.is_started and screen.is_terminal and time.monotonic() - begin > QUIET:
            bar.start()
        bar.advance(task, count)

    try:
        yield advance
    finally:
        if bar.live.is_started:
            bar.stop()
