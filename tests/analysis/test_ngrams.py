"""Witten-Bell smoothing, by hand, and chains whose entropy is known."""

from __future__ import annotations

import numpy as np
import pytest

from nextitem.analysis.ngrams import predictability
from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import dataset_of, markov_chain


def test_held_out_cost_by_hand() -> None:
    split = leave_one_out(dataset_of([[1, 2, 1, 2], [1, 2, 2, 3]]))
    # training: 1 2 | 1 2; tests: 1 2 1 -> 2, 1 2 2 -> 3; three items
    found = predictability(split)
    nothing = [(2 + 2 / 3) / 6, (0 + 2 / 3) / 6]  # n(w) of 4, two kinds
    last = [(2 + nothing[0]) / 3, nothing[1]]  # after 1 came 2 twice; after 2 nothing
    assert found["nothing"].held_out == pytest.approx(-np.log2(nothing).mean())
    assert found["the last item"].held_out == pytest.approx(-np.log2(last).mean())
    assert found["the last two items"].held_out == pytest.approx(-np.log2(last).mean())  # no context of two
    assert [one.known for one in found.values()] == [1, 0.5, 0, 0]
    assert found["nothing"].plug_in == pytest.approx(1)
    assert found["the last item"].plug_in == 0


def test_probabilities_sum_to_one() -> None:
    split = leave_one_out(dataset_of([[1, 2, 3, 4, target] for target in range(1, 5)]))
    costs = [predictability(leave_one_out(dataset_of([[1, 2, 3, 4, target]], 4))) for target in range(1, 5)]
    assert split.num_items == 4
    for name in costs[0]:
        assert sum(2 ** -one[name].held_out for one in costs) == pytest.approx(1)


def test_the_context_of_a_chain_is_found() -> None:
    one = predictability(leave_one_out(markov_chain(1, num_users=2000, num_items=20, noise=0.1)))
    two = predictability(leave_one_out(markov_chain(2, num_users=2000, num_items=20, noise=0.1)))
    assert one["the last item"].held_out < 1.2 < 4.2 < one["nothing"].held_out
    assert two["the last two items"].held_out < 1.2 < 4.2 < two["the last item"].held_out
