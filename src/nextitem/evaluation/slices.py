"""Slices: cases of an evaluation that are looked at by themselves, since their mean drowns among the others'.

Sizes: R cases.
"""

from __future__ import annotations

import numpy as np

from nextitem.data.splits.split import Holdout, Split

COLD_ITEMS, COLD_USERS = "cold items", "cold users"
SLICES = {  # in words
    COLD_ITEMS: "of items that training never held",
    COLD_USERS: "of users whom training never saw",
}


def find_slices(split: Split, holdout: Holdout) -> dict[str, np.ndarray]:
    """The slices that have some of the cases, but not all: name -> (R,) whether a case belongs to it.

    A case is of cold items where no training row holds any of its targets, of cold users where its user has no
    training row.
    """
    is_trained = np.bincount(split.train.flat_items(), minlength=split.num_items + 1) > 0
    rows, known = holdout.target.flat_rows(), is_trained[holdout.target.flat_items()]
    found = {
        COLD_ITEMS: np.bincount(rows[known], minlength=len(holdout)) == 0,
        COLD_USERS: split.train.lengths[holdout.users - 1] == 0,
    }
    return {name: is_in for name, is_in in found.items() if is_in.any() and not is_in.all()}
