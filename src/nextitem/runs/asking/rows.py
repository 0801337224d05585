"""Rows: what is asked for each user, in the model's numbers, and which questions are none.

What a model does not know is refused by the name of its row, or passed over where that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress, islice, repeat
from typing import Any, Literal

import numpy as np

from nextitem.data.batches import Batch, history_batch
from nextitem.data.ids import PAD, IdMap
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError, expect_word
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.models.strangers import is_known
from nextitem.runs.asking.moments import in_unit, rows_in_unit
from nextitem.runs.asking.rated import as_ratings
from nextitem.runs.folder.opened import Opened

Unknown = Literal["error", "skip"]
Fallback = Literal["none", "popularity"]
WAYS = {
    "times": "--times T1,T2,.., or in Python ",
    "ratings": "--ratings R1,R2,.., or in Python ",
}  # on the command line


@dataclass(frozen=True)
class KnownRow:
    """What is asked for one user, in the model's numbers."""

    name: str  # for errors: "history 3 (of user 'u7')"
    items: list[int]
    user: int
    times: list[int]  # beside the items, of a model that goes by them
    ratings: list[float]
    at: int | None  # when it is asked; None: at the newest item
    skipped: list[object]
    problem: str = ""  # why the row is passed over
    candidates: list[int] | None = None  # the only items that may be recommended to it


def asked_rows(
    run: Opened,
    histories: Sequence[Sequence[object]],
    users: Sequence[object] | None,
    times: Sequence[Sequence[object]] | None,
    at: Sequence[object] | None,
    ratings: Sequence[Sequence[object]] | None,
    unknown: Unknown = "error",
    names: Sequence[str] | None = None,
    fallback: Fallback = "none",
) -> list[KnownRow]:
    """The rows of what is asked in words of the log, with times in the unit of the run; see `Run.recommend`."""
    refuse_beside(run, {"times": times, "ratings": ratings}, at, histories)
    moments = None if times is None else rows_in_unit(times, run.time_unit)
    asked_at = None if at is None else in_unit(at, run.time_unit)
    rated = None if ratings is None else as_ratings(ratings, run.kinds)
    return known_rows(run, histories, users, unknown, names, {"times": moments, "ratings": rated}, asked_at, fallback)


def known_rows(
    run: Opened,
    histories: Sequence[Sequence[object]],
    users: Sequence[object] | None,
    unknown: Unknown,
    names: Sequence[str] | None,
    beside: Mapping[str, Sequence[Sequence[Any]] | None],
    at: Sequence[int] | None = None,
    fallback: Fallback = "none",
) -> list[KnownRow]:
    """With a `fallback` a user that the model does not know is a problem of the row, whatever `unknown` is.

    Raises:
        InputError: users are missing; or what a row has that the model does not know, unless that is to be skipped.
    """
    name = run.recipe.model.label
    needs_users = run.model.knows_users and not (run.model.takes_strangers and users is None)
    if needs_users and (users is None or len(users) != len(histories)):
        raise InputError(f"{name} recommends to users that it was trained on: pass users=, one id for each history")
    asked = list(islice(chain(users or (), repeat(None)), len(histories)))  # of some rows nobody is said
    places, is_stranger = _places_of(run, asked)
    rows = []
    for number, history in enumerate(histories):
        called = f"history {number}" if names is None else names[number]
        own = {name: [] if values is None else list(values[number]) for name, values in beside.items()}
        row = _known_row(run, called, history, asked[number], is_stranger[number], unknown, own, fallback)
        rows.append(replace(row, user=places[number], at=None if at is None else at[number]))
    return rows


def _places_of(run: Opened, users: Sequence[object]) -> tuple[list[int], list[bool]]:
    """The users' numbers, PAD of nobody and where the model knows no users, and whether it cannot answer for them."""
    places = np.full(len(users), PAD, dtype=np.int64)
    if run.model.knows_users:
        is_said = np.array([user is not None for user in users], dtype=bool)
        places[is_said] = run.users.indices(list(compress(users, is_said)))
    takes_anyone = not run.model.knows_users or run.model.takes_strangers
    is_stranger = np.full(len(users), False) if takes_anyone else (places == PAD) | ~is_known(run.model, places)
    return places.tolist(), is_stranger.tolist()


def _known_row(
    run: Opened,
    name: str,
    history: Sequence[object],
    user: object,
    is_stranger: bool,
    unknown: Unknown,
    beside: Mapping[str, list[Any]],
    fallback: Fallback,
) -> KnownRow:
    """Of nobody yet."""
    name += "" if user is None else f" (of user {user!r})"
    if isinstance(history, str | bytes):
        raise InputError(f"{name} is the text {history!r}; a history is a list of item ids")
    try:
        ids = list(history)
    except TypeError as error:
        raise InputError(f"{name} is {history!r}; a history is a list of item ids") from error
    indices = run.items.indices(ids)
    is_known_item = indices != PAD
    skipped = [] if is_known_item.all() else [ids[place] for place in np.flatnonzero(~is_known_item)]
    problem = ""
    if is_stranger:
        problem = f"{name}: {run.recipe.model.label} was not trained on the user {user!r}"
    elif skipped and (unknown == "error" or len(skipped) == len(ids)):
        no_other = ", and no other" if len(skipped) == len(ids) else ""
        told = ", ".join(map(repr, skipped[:5]))
        problem = f"{name} has {len(skipped)} item ids that the model does not know{no_other}: {told}"
    if problem and unknown == "error" and not (is_stranger and fallback != "none"):
        raise InputError(f"{problem}; leave it out, or pass unknown='skip'")
    for what, values in beside.items():
        if values and len(values) != len(ids):
            raise InputError(f"{name} has {len(ids)} items and {len(values)} {what}; give one for each item")
    times, ratings = (list(compress(values, is_known_item)) for values in beside.values())
    return KnownRow(name, indices[is_known_item].tolist(), PAD, times, ratings, None, skipped, problem)


def with_candidates(
    run: Opened, rows: list[KnownRow], candidates: Sequence[Sequence[object]], unknown: Unknown, ann: bool
) -> list[KnownRow]:
    """Raises InputError where there are not as many lists as rows, one has an unknown id, or an index is to be used."""
    if ann:
        raise InputError("an index searches all items; leave ann out (--ann), since candidates are few")
    if len(candidates) != len(rows):
        raise InputError(f"candidates are a list for each history, found {len(candidates)} of {len(rows)}")
    hidden = (~hidden_items(run.items, (), listed, unknown) for listed in candidates)
    return [replace(row, candidates=np.flatnonzero(one).tolist()) for row, one in zip(rows, hidden, strict=True)]


def kept_row(run: Opened, user: object) -> KnownRow:
    """What the run keeps of a user, as a row that is asked."""
    place = int(run.users.indices([user])[0])
    name, rows = f"user {user!r}", run.histories
    is_learned = bool(is_known(run.model, np.array([place]))[0])
    problem, way = problem_of(run, name, place, int(rows.lengths[place - 1]) if place != PAD else 0, is_learned)
    if problem:
        raise InputError(f"{problem}; {way}")
    own = rows.take(np.array([place - 1])).packed()
    times, ratings = ([] if one is None else one.tolist() for one in (own.timestamps, own.ratings))
    return KnownRow(name, own.items.tolist(), place, times, ratings, None, [])


def known_item(run: Opened, item: object) -> int:
    """Raises InputError where the run does not know the item."""
    number = int(run.items.indices([item])[0])
    if number == PAD:
        raise InputError(f"the run does not know the item {item!r}; its data has {len(run.items):,} items")
    return number


def problem_of(run: Opened, name: str, place: int, num_met: int, is_learned: bool) -> tuple[str, str]:
    """Why the model can say nothing of a user of the run's data by what is kept of them, and the way out; "" if it can.

    `place` is the user's index, PAD of nobody of the run, `num_met` how many items the run keeps of them, and
    `is_learned` whether the model was trained on something of them; see `is_known`.
    """
    if place == PAD:
        way = "pass a history (--history), or take the most popular items (--fallback popularity)"
        if "trust" in run.model.needs:
            way += "; of somebody who stands in the network alone, train with --data.trust_strangers users"
        return f"{name} is not among the {len(run.users):,} users of the run", way
    if num_met or is_known_without_items(run.model):
        return ("", "") if is_learned else _not_trained_on(run, name)
    able = [name for name, model in MODELS.items() if model.answers_by_network]
    return (
        f"{name} has no interactions in the data of the run, and {run.recipe.model.label} knows a user by these alone",
        f"take a model that goes by whom they trust ({', '.join(able)}), or the most popular items (--fallback "
        "popularity)",
    )


def _not_trained_on(run: Opened, name: str) -> tuple[str, str]:
    return (
        f"{run.recipe.model.label} was trained on nothing of {name}: all of theirs lies in the validation and test",
        "train it on all data once it is evaluated (nextitem run --refit), take a model that goes by histories, "
        "such as SASRec or EASE, or the most popular items (--fallback popularity)",
    )


def is_known_without_items(model: Recommender) -> bool:
    """Whether a model can say something of a user of its data who met nothing."""
    return not model.knows_users or model.takes_strangers or model.answers_by_network


def refuse_beside(
    run: Opened,
    beside: Mapping[str, Sequence[Sequence[Any]] | None],
    at: Sequence[object] | None,
    histories: Sequence[Sequence[object]],
) -> None:
    """Raises:
    InputError: the model goes by times or ratings and has none, or it has what it does not go by.
    """
    wanted, name = run.model.wanted(), run.recipe.model.label
    for what, is_wanted in {"times": wanted.times or wanted.asked_at, "ratings": wanted.ratings}.items():
        values = beside[what]
        if is_wanted and (values is None or len(values) != len(histories) or any(one is None for one in values)):
            raise InputError(
                f"{name} goes by {what}: pass {WAYS[what]}{what}=, a list for each history, with one for each item"
            )
        if values is not None and not is_wanted:
            raise InputError(f"{name} does not go by {what}; leave {what} out")
    refuse_at(run, at, len(histories), "history")


def refuse_at(run: Opened, at: Sequence[object] | None, count: int, who: str) -> None:
    """Raises InputError where the model does not go by when it is asked, or `at` is not one for each of `count`."""
    if at is not None and not run.model.wanted().asked_at:
        raise InputError(f"{run.recipe.model.label} does not go by the time at which it is asked; leave at out (--at)")
    if at is not None and len(at) != count:
        raise InputError(f"at is a time for each {who}, found {len(at)} of {count}")


def refuse_short(rows: list[KnownRow], k: int, hidden: np.ndarray) -> None:
    """`hidden` (V,) bool: what nobody is recommended.

    Raises:
        InputError: a history leaves fewer than `k` items that it has not met.
    """
    num_shown = int((~hidden).sum())
    for row in rows:
        if k <= num_shown - len(row.items):  # even if none of them was there twice, or hidden
            continue
        left = num_shown - int((~hidden[list(set(row.items))]).sum())
        if not row.problem and k > left:
            raise InputError(
                f"k must lie between 1 and {left} (the items left) for {row.name}; found {k}. Ask for fewer, leave "
                "the row out, or let items of the history come back (exclude_seen=False, --keep-seen)"
            )


def batch_of(model: Recommender, asked: Sequence[KnownRow]) -> tuple[Sequences, Batch]:
    """What is asked, as rows of all their items, and as a batch of what the model looks at."""
    rows = Sequences.from_lists([row.items for row in asked])
    wanted = model.wanted()
    if wanted.times or wanted.asked_at:
        rows = replace(rows, timestamps=np.array([time for row in asked for time in row.times], dtype=np.int64))
    if wanted.ratings:
        rows = replace(rows, ratings=np.array([one for row in asked for one in row.ratings], dtype=np.float32))
    users = np.array([row.user for row in asked], dtype=np.int64)
    at = [row.at for row in asked if row.at is not None]  # of all, or of none
    return rows, history_batch(rows, model.max_length, users, wanted, np.array(at) if at else None)


def hidden_items(
    items: IdMap, exclude: Iterable[object], only: Iterable[object] | None, unknown: Unknown
) -> np.ndarray:
    """(V,) bool; see `Run.hidden`."""
    expect_word("unknown", unknown, Unknown)
    hidden = np.full(len(items) + 1, only is not None)
    for what, ids, is_out in (("only", only, False), ("exclude", exclude, True)):
        listed = list(ids or ())
        indices = items.indices(listed)
        strangers = [one for one, index in zip(listed, indices, strict=True) if index == PAD]
        if strangers and unknown == "error":
            told = ", ".join(map(repr, strangers[:5]))
            raise InputError(
                f"{what} has {len(strangers)} item ids that the model does not know: {told}; leave them out, or "
                "pass unknown='skip'"
            )
        hidden[indices] = is_out
    hidden[PAD] = True
    return hidden
