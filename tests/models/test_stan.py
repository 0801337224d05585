"""STAN: its three decays, against plain loops and numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.stan import DAY, STAN
from nextitem.testing import RecommenderTests

NUM_ITEMS = 8
NOW = 17_000 * DAY  # in 2016
Lists = list[list[int]]


class TestSTAN(RecommenderTests):
    learns = "taste"  # which items lie near each other, but not which comes first

    def make(self, num_users: int, num_items: int) -> Recommender:
        return STAN(num_items, time_decay=5.0)


class TestVSTAN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return STAN(num_items, match_decay=1.02, idf=5.0)


def score(model: STAN, rows: Lists, history: list[int], days: list[int] | None = None, ticks: int = 1) -> list[float]:
    """`days` before NOW, at which each row ends; `ticks` of the times make a second."""
    ends = np.array([0] * len(rows) if days is None else days, dtype=np.int64)
    sequences = Sequences.from_lists(rows)
    times = np.repeat((NOW - ends * DAY) * ticks, sequences.lengths)
    model.fit(TrainingData.of(replace(sequences, timestamps=times), NUM_ITEMS))
    inputs = torch.tensor([history or [0]])
    scores: list[float] = model.score(Batch.of(inputs, times=torch.full_like(inputs, NOW * ticks)))[0].tolist()
    return scores


def distinct(items: list[int]) -> list[int]:
    return [item for place, item in enumerate(items) if item not in items[place + 1 :]]


def by_loops(rows: Lists, history: list[int], days: list[int], match_decay: float | None, idf: float) -> list[float]:
    """All rows are neighbours; the decay in time starts from the nearest of them."""
    order, scores = distinct(history), [0.0] * (NUM_ITEMS + 1)
    weights = {item: exp((place - len(order) + 1) / 1.02) for place, item in enumerate(order)}
    filled = [set(row) for row in rows if row]
    least = min((abs(day) for row, day in zip(rows, days, strict=True) if set(row) & set(order)), default=0)
    for row, day in zip(map(distinct, rows), days, strict=True):
        shared = [item for item in row if item in weights]
        if not shared:
            continue
        norm = (sum(weight**2 for weight in weights.values()) * len(row)) ** 0.5
        similarity = sum(weights[item] for item in shared) / norm * exp(-(abs(day) - least) / 5)
        if match_decay:
            similarity *= exp((max(order.index(item) for item in shared) + 1 - len(order)) / match_decay)
        for place, item in enumerate(row):
            rarity = log(len(filled) / sum(item in other for other in filled))
            scores[item] += similarity * exp(-abs(place - row.index(shared[-1])) / 2.05) * (1 + idf * rarity)
    return scores


logs = st.lists(
    st.tuples(st.lists(st.integers(1, NUM_ITEMS), max_size=6), st.integers(-4, 9)), min_size=1, max_size=8
)  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    logs, st.lists(st.integers(1, NUM_ITEMS), max_size=8), st.sampled_from([None, 1.02]), st.sampled_from([0.0, 5.0])
)
def test_scores_are_those_of_plain_loops(
    log_rows: list[tuple[list[int], int]], history: list[int], match_decay: float | None, idf: float
) -> None:
    rows, days = [row for row, _ in log_rows], [day for _, day in log_rows]
    found = score(STAN(NUM_ITEMS, time_decay=5.0, match_decay=match_decay, idf=idf), rows, history, days)
    np.testing.assert_allclose(found, by_loops(rows, history, days, match_decay, idf), rtol=1e-5, atol=1e-6)


def test_what_follows_the_shared_items_beats_what_stood_before_them() -> None:
    """Rows 1 2 3 and 2 3 4 are as near to the history 2 3; 4 is one place from the last shared item, 1 two places."""
    found = score(STAN(NUM_ITEMS, time_decay=5.0), [[1, 2, 3], [2, 3, 4], [5]], [2, 3])
    similarity = (1 + exp(-1 / 1.02)) / ((1 + exp(-2 / 1.02)) * 3) ** 0.5
    assert found[4] == pytest.approx(similarity * 0.614, rel=1e-3)
    assert found[1] == pytest.approx(similarity * 0.377, rel=1e-3)


def test_a_history_of_one_item_weighs_one() -> None:
    assert score(STAN(NUM_ITEMS, time_decay=5.0), [[1, 4]], [1])[1] == pytest.approx(1 / 2**0.5)


@pytest.mark.parametrize("ticks", [1, 1_000, 1_000_000, 1_000_000_000])
def test_five_days_are_five_days_in_every_unit(ticks: int) -> None:
    found = score(STAN(NUM_ITEMS, time_decay=5.0), [[1, 4], [1, 5]], [1], [2, 7], ticks)
    assert found[5] / found[4] == pytest.approx(exp(-1), rel=1e-5)


def test_rows_after_the_history_fade_as_those_before_it() -> None:
    found = score(STAN(NUM_ITEMS, time_decay=5.0), [[1, 4], [1, 5], [1, 6]], [1], [3, -3, 0])
    assert found[4] == found[5] < found[6]


def test_rows_of_long_ago_still_differ() -> None:
    found = score(STAN(NUM_ITEMS, time_decay=5.0), [[1, 4], [1, 5]], [1], [900, 905])
    assert found[4] > found[5] > 0


def test_without_times_the_decay_is_left_out_or_the_log_refused() -> None:
    rows = TrainingData.of(Sequences.from_lists([[1, 4], [1, 5]]), NUM_ITEMS)
    with pytest.raises(InputError, match=r"goes by times, and the log has none; .*--model.time_decay none"):
        STAN(NUM_ITEMS, time_decay=5.0).fit(rows)
    model = STAN(NUM_ITEMS)
    model.fit(rows)
    assert not model.wanted().times
    assert model.score(Batch.of(torch.tensor([[1]])))[0, 4] > 0


def test_a_history_without_times_is_an_error() -> None:
    model = STAN(NUM_ITEMS, time_decay=5.0)
    score(model, [[1, 2]], [1])
    with pytest.raises(InputError, match="STAN goes by times: the batch has none"):
        model.score(Batch.of(torch.tensor([[1]])))


def test_a_decay_of_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match="time_decay must be above 0, found 0"):
        STAN(NUM_ITEMS, time_decay=0)
