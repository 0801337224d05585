"""The most similar items, against plain loops."""

from __future__ import annotations

import math

import numpy as np

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.similar_items import most_similar


def test_they_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(1, 13, size=rng.integers(1, 7)).tolist() for _ in range(25)]
    found = most_similar(TrainingData.of(Sequences.from_lists(rows), 14))
    users = [set(row) for row in rows]
    for item in range(1, 15):
        scores = dict.fromkeys(range(1, 15), 0.0)
        for other in scores:
            both = [met for met in users if {item, other} <= met]
            if other != item and both:
                counts = [sum(one in met for met in users) for one in (item, other)]
                scores[other] = sum(1 / math.log(1 + len(met)) for met in both) / math.sqrt(counts[0] * counts[1])
        best = max(scores.values())
        assert (found[item] == 0) if best == 0 else math.isclose(scores[found[item]], best, rel_tol=1e-9)
    assert found[0] == 0
    assert found[13:].tolist() == [0, 0]


def test_users_of_many_items_count_less() -> None:
    """Item 1 shares two users of two items with 2, and two of seven with 3; the counts of 2 and 3 are equal."""
    long = [1, 3, 4, 5, 6, 7, 8]
    rows = Sequences.from_lists([[1, 2], [1, 2], long, long])
    assert most_similar(TrainingData.of(rows, 8))[1] == 2
