"""Ties: the places of targets that share their score with other candidates.

Candidates of one score are a block: of `tied` candidates with `above` better ones it takes the places above + 1 to
above + tied. m targets of a case may stand in one block; they never take the same place.

Sizes: R cases, M most targets of a case.
"""

from __future__ import annotations

import numpy as np

from nextitem.evaluation.protocol import Ties


def places(above: np.ndarray, tied: np.ndarray, ties: Ties) -> np.ndarray:
    """(R, M) ascending numbers of better candidates, and sizes of blocks -> (R, M) ranks, ascending.

    The targets of a block stand in front of the others of it (optimistic), behind them (pessimistic), or where the
    first, the second, .. of them stands on average over all orders of the block.

    >>> above, tied = np.array([[3.0, 3.0]]), np.array([[5, 5]])  # two targets among five equals, behind three
    >>> [places(above, tied, ties).tolist() for ties in ("optimistic", "expected_rank", "pessimistic")]
    [[[4.0, 5.0]], [[5.0, 7.0]], [[7.0, 8.0]]]
    """
    number, together = within_blocks(above, tied)
    match ties:
        case "optimistic":
            within: np.ndarray = 1 + number
        case "pessimistic":
            within = 1 + number + tied - together
        case "expected" | "expected_rank":
            within = (1 + number) * (tied + 1) / (together + 1)
    return above + within


def within_blocks(above: np.ndarray, tied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, M) int64 each: a target's number among those of its case and block, from 0, and how many these are.

    A target without a tie is alone: those that have left the ranking share the last place, and are no block.
    """
    columns = np.arange(above.shape[1])
    is_first, is_last = np.ones(above.shape, dtype=bool), np.ones(above.shape, dtype=bool)
    is_first[:, 1:] = (above[:, 1:] != above[:, :-1]) | (tied[:, 1:] == 1)
    is_last[:, :-1] = is_first[:, 1:]
    first = np.maximum.accumulate(np.where(is_first, columns, 0), axis=1)
    behind = np.where(is_last, columns, columns[-1])[:, ::-1]
    last = np.minimum.accumulate(behind, axis=1)[:, ::-1]
    return columns - first, last - first + 1
