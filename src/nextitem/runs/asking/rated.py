"""Ratings of a question: numbers, or the kinds of events that a run's log has for them, by their words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nextitem.data.log.kinds import Kinds
from nextitem.errors import InputError, suggest


def as_ratings(rows: Sequence[Sequence[object]], kinds: Kinds | None) -> list[list[float]]:
    """Each as a number: text by `kinds`, or, of a log without kinds, as it is written; a number as it is.

    >>> as_ratings([["view", "buy"], [], [2]], {"view": 1, "buy": 5}), as_ratings([["4.5"]], None)
    ([[1.0, 5.0], [], [2.0]], [[4.5]])

    Raises:
        InputError: a kind that is not named, or what is no finite number.
    """
    return [[_as_rating(one, kinds) for one in row] for row in rows]


def _as_rating(told: object, kinds: Kinds | None) -> float:
    if isinstance(told, str) and kinds:
        word = told.strip()
        if word not in kinds:
            raise InputError(f"ratings: the run has no kind of event {told!r}; {suggest(word, kinds)}")
        return float(kinds[word])
    try:
        number = float(told)  # type: ignore[arg-type]  # whatever a caller passes
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"ratings are finite numbers, or kinds of events by their words where data.kinds names them; found {told!r}"
        )
    return number
