"""Cases: what is asked of a user with several targets: all together, each with what came before it, or one of them.

Gusak et al., "Time to Split: Exploring Data Splitting Strategies for Offline Evaluation of Sequential Recommenders",
RecSys 2025, arXiv:2507.16289, call these targets all, successive, first, last and random.

Sizes: R cases, M targets of them all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from nextitem.data.log.kinds import least_of
from nextitem.data.splits.split import Holdout, Split
from nextitem.errors import InputError, suggest

One = Literal["first", "last", "random"]
Cases = Literal["together", "each", One]
SPOKEN: dict[str, Cases] = {"all": "together", "successive": "each"}  # the study's words
ONE: dict[One, str] = {
    "first": "the first target of each user",
    "last": "the last target of each user",
    "random": "a target of each user, drawn",
}


def each_target(split: Split) -> Split:
    """The split with a case for every target, its history growing by the targets before it, as sessions are evaluated.

    A target that nothing came before is not asked for. Targets must be in time order.

    Raises:
        InputError: no validation or no test target has anything before it.
    """
    return _asked(split, growing(split.valid), growing(split.test), "each", "each target with what came before it")


def one_target(split: Split, which: One, seed: int = 0) -> Split:
    """The split with one case a user: the first, the last or a random target, whose history is all that came before it.

    A target that nothing came before is not asked for: `first` leaves such a user out, `random` draws another one.
    Targets must be in time order.

    Raises:
        InputError: as `each_target`, or there is no such word.
    """
    if which not in ONE:
        raise InputError(f'one_target: there is no target "{which}"; {suggest(which, get_args(One))}')
    valid, test = (
        _one(holdout, which, np.random.default_rng((seed, part)))
        for part, holdout in enumerate((split.valid, split.test))
    )
    return _asked(split, valid, test, which, f"{ONE[which]} with what came before it")


def rated_targets(split: Split, least: float | str) -> Split:
    """The split asking for what was rated at least `least` alone; other targets are no answers, right or wrong to find.

    With kinds of events read as ratings, the word of one stands for its number, and purchases alone are asked for where
    theirs is the highest. What is learned from and what is seen stay as they are.

    Raises:
        InputError: the data set has no ratings, or no kind of that word, or nothing is left to ask for.
    """
    if split.train.ratings is None:
        raise InputError(
            "split.target_rating asks for what was rated highly, and the log has no ratings; name their column with "
            "--data.rating, or that of kinds of events with --data.kind"
        )
    number = least_of("split.target_rating", least, split.kinds)
    assert number is not None
    valid, test = (_rated(holdout, number) for holdout in (split.valid, split.test))
    empty = [part for part, holdout in (("valid", valid), ("test", test)) if not len(holdout)]
    if empty:
        raise InputError(f"split.target_rating {number:g}: no target of {' and '.join(empty)} was rated so; lower it")
    return replace(split, name=f"{split.name}, targets rated {number:g} and more", valid=valid, test=test)


def _rated(holdout: Holdout, least: float) -> Holdout:
    asked = holdout.target.rated(least)
    return replace(holdout, target=asked).take(asked.lengths > 0)


def growing(holdout: Holdout) -> Holdout:
    """(M cases at the most) the target j of a row has as its history that of the row and the targets before j."""
    return _at(holdout, holdout.target.flat_rows(), holdout.target.flat_positions())


def _one(holdout: Holdout, which: One, rng: np.random.Generator) -> Holdout:
    """(R cases at the most) a target of each row."""
    target, last = holdout.target, holdout.target.lengths - 1
    if which == "random":
        low = np.minimum(holdout.history.lengths == 0, last)  # the first that something came before
        after = low + (rng.random(len(holdout)) * (last - low + 1)).astype(np.int64)
    else:
        after = last if which == "last" else np.zeros_like(last)
    return _at(holdout, np.arange(len(holdout)), target.starts + after)


def _at(holdout: Holdout, rows: np.ndarray, places: np.ndarray) -> Holdout:
    """The targets at these places of the array, of these rows, without those that nothing came before.

    A row's targets stand behind its history in one array, as `ratio.assemble` leaves them.
    """
    history, target = holdout.history, holdout.target
    if history.items is not target.items or not np.array_equal(history.stops, target.starts):
        raise InputError(
            "one target a case is for a split whose targets follow their histories in one array, as those of ni.split "
            "do; found others, so take what ni.split made"
        )
    cases = Holdout(
        holdout.users[rows],
        replace(history, starts=history.starts[rows], stops=places),
        holdout.trained.take(rows),
        replace(target, starts=places, stops=places + 1),
        holdout.num_repeats,
    )
    return cases.take(cases.history.lengths > 0)


def _asked(split: Split, valid: Holdout, test: Holdout, cases: Cases, name: str) -> Split:
    """The split with other cases, which its name says.

    Raises:
        InputError: nothing is left to ask for.
    """
    empty = [part for part, holdout in (("valid", valid), ("test", test)) if not len(holdout)]
    if empty:
        of = "the first target" if cases == "first" else "any target"
        raise InputError(
            f"split.cases {cases}: nothing came before {of} of {' and '.join(empty)}; take split.cases together"
        )
    return replace(split, name=f"{split.name}, {name}", valid=valid, test=test)


def refuse_bare(split: Split) -> None:
    """Raises:
    InputError: most cases of a part have several targets and nothing before them, as sessions in files of their own.
    """
    for part, holdout in (("valid", split.valid), ("test", split.test)):
        bare = int(np.sum((holdout.history.lengths == 0) & (holdout.target.lengths > 1)))
        if 2 * bare > len(holdout):
            raise InputError(
                f"{split.name}: of {bare:,} of {len(holdout):,} {part} users nothing came before their several items, "
                "as in sessions of their own; --split.cases each asks for each item with what came before it, "
                "--split.cases together for all of them without a history"
            )
