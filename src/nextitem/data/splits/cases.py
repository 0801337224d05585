"""Cases: what is asked of a user with several targets: all of them together, or each with what came before it.

Sizes: R cases, M targets of them all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from nextitem.data.splits.split import Holdout, Split
from nextitem.errors import InputError

Cases = Literal["together", "each"]


def each_target(split: Split) -> Split:
    """The split with a case for every target, its history growing by the targets before it, as sessions are evaluated.

    A target that nothing came before is not asked for. Targets must be in time order.

    Raises:
        InputError: no validation or no test target has anything before it.
    """
    valid, test = growing(split.valid), growing(split.test)
    empty = [part for part, holdout in (("valid", valid), ("test", test)) if not len(holdout)]
    if empty:
        raise InputError(
            f"split.cases each: nothing came before any target of {' and '.join(empty)}; take split.cases together"
        )
    return replace(split, name=f"{split.name}, each target with what came before it", valid=valid, test=test)


def growing(holdout: Holdout) -> Holdout:
    """(M cases at the most) the target j of a row has as its history that of the row and the targets before j.

    A row's targets stand behind its history in one array, as `ratio.assemble` leaves them.
    """
    history, target = holdout.history, holdout.target
    assert history.items is target.items
    assert (history.stops == target.starts).all()
    rows, places = target.flat_rows(), target.flat_positions()
    cases = Holdout(
        holdout.users[rows],
        replace(history, starts=history.starts[rows], stops=places),
        holdout.trained.take(rows),
        replace(target, starts=places, stops=places + 1),
        holdout.num_repeats,
    )
    return cases.take(cases.history.lengths > 0)


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
