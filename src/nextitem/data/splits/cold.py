"""Cold splits: items, or users, of which training sees nothing. What is known of them stands beside the log.

Who has no more than the log of interactions cannot tell such items apart; a model that learns from a knowledge graph, a
network or attributes can.
"""

from __future__ import annotations

import numpy as np

from nextitem.data.dataset import Dataset
from nextitem.data.splits.ratio import amounts, assemble, check_amounts, largest
from nextitem.data.splits.split import READ_IT, Split
from nextitem.errors import expect


def cold_items(dataset: Dataset, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Hold out items, drawn at random: all that users met of them is asked for, and training holds none of it.

    `valid` and `test` are shares of the items below 1, or whole numbers of them. The history of a case are the user's
    other interactions; at test those with the items of the validation have joined it. A user who met no other item has
    an empty one.

    Raises:
        InputError: shares that leave nothing to train on, or nothing to test.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    check_amounts(valid, test)
    rows = dataset.sequences.packed()
    parts = _drawn(dataset.num_items, valid, test, seed)[rows.flat_items() - 1]
    name = f"cold items, {valid:g} / {test:g} at random"
    return assemble(dataset, rows, parts, np.ones(len(rows), dtype=bool), name)


def cold_users(dataset: Dataset, valid: float = 0.1, test: float = 0.1, seed: int = 0) -> Split:
    """Hold out users, drawn at random: all that they met is asked for, from an empty history.

    `valid` and `test` are shares of the users below 1, or whole numbers of them. Nothing is known of such a user but
    what stands beside the log: friends, or attributes.

    Raises:
        InputError: shares that leave nothing to train on, or nothing to test.
    """
    expect("dataset", dataset, Dataset, READ_IT)
    check_amounts(valid, test)
    rows = dataset.sequences.packed()
    parts = _drawn(len(rows), valid, test, seed)[rows.flat_rows()]
    name = f"cold users, {valid:g} / {test:g} at random"
    return assemble(dataset, rows, parts, np.ones(len(rows), dtype=bool), name)


def _drawn(count: int, valid: float, test: float, seed: int) -> np.ndarray:
    """(count,) the part that each goes to."""
    num_valid, num_test = amounts(count, valid, test)
    return largest(np.random.default_rng(seed).random(count), num_valid, num_test)
