"""SKNN, and the search that models of session neighbours share: against plain loops and numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

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
from nextitem.models.neighbours import CELLS, NEIGHBOURS
from nextitem.models.sequential.neighbour_model import NeighbourModel
from nextitem.models.sequential.sknn import SKNN
from nextitem.models.sequential.stan import STAN
from nextitem.models.sequential.vsknn import VSKNN
from nextitem.nn.kernels.choose import plain
from nextitem.testing import RecommenderTests

NUM_ITEMS = 8
Lists = list[list[int]]


class TestSKNN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SKNN(num_items)


def fitted(model: NeighbourModel, rows: Lists, times: list[int] | None = None) -> NeighbourModel:
    """`times` are those of the rows, of all their items alike."""
    sequences = Sequences.from_lists(rows)
    if times is not None:
        sequences = replace(sequences, timestamps=np.repeat(np.array(times, dtype=np.int64), sequences.lengths))
    model.fit(TrainingData.of(sequences, NUM_ITEMS))
    return model


def score(model: NeighbourModel, history: list[int], user: int = 0, time: int = 0) -> list[float]:
    inputs = torch.tensor([history or [0]])
    scores: list[float] = model.score(Batch.of(inputs, torch.tensor([user]), times=torch.full_like(inputs, time)))[
        0
    ].tolist()
    return scores


def last_places(row: list[int]) -> list[int]:
    """The distinct items of a row in the order of their last places."""
    return [item for place, item in enumerate(row) if item not in row[place + 1 :]]


def by_loops(rows: Lists, history: list[int], user: int, num_neighbours: int, sample_size: int) -> list[float]:
    """SKNN as its docstring has it; rows that stand later are more recent."""
    asked = set(history)
    candidates = [
        row for row in reversed(range(len(rows))) if asked & set(rows[row]) and row != user - 1
    ][:sample_size]  # fmt: skip
    similarity = {
        row: len(asked & set(rows[row])) / (len(asked) * len(set(rows[row]))) ** 0.5 for row in candidates
    }  # fmt: skip
    nearest = sorted(candidates, key=lambda row: (-round(similarity[row], 6), -row))[:num_neighbours]
    return [sum(similarity[row] for row in nearest if item in rows[row]) for item in range(NUM_ITEMS + 1)]


logs = st.lists(st.lists(st.integers(1, NUM_ITEMS), max_size=8), min_size=1, max_size=10)
histories = st.lists(st.integers(1, NUM_ITEMS), max_size=8)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(logs, histories, st.integers(0, 1), st.integers(1, 4), st.integers(1, 6))
def test_scores_are_those_of_plain_loops(rows: Lists, history: list[int], user: int, nearest: int, sample: int) -> None:
    found = score(fitted(SKNN(NUM_ITEMS, nearest, sample), rows), history, user)
    np.testing.assert_allclose(found, by_loops(rows, history, user, nearest, sample), atol=1e-6)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(logs, histories, st.integers(0, 1), st.integers(1, 4), st.integers(1, 6))
def test_both_forms_of_the_search_agree(rows: Lists, history: list[int], user: int, nearest: int, sample: int) -> None:
    for model in (
        SKNN(NUM_ITEMS, nearest, sample),
        VSKNN(NUM_ITEMS, nearest, sample, weighting="linear", idf=0.5),
        STAN(NUM_ITEMS, nearest, sample, match_decay=1.02),
    ):
        fitted(model, rows, times=[86_400 * (7 * row % 5) for row in range(len(rows))])
        compiled = score(model, history, user, time=86_400 * 2)
        with plain():
            np.testing.assert_allclose(score(model, history, user, time=86_400 * 2), compiled, atol=1e-6)


def test_the_plain_form_takes_a_few_queries_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = fitted(SKNN(NUM_ITEMS), [rng.integers(1, NUM_ITEMS + 1, 4).tolist() for _ in range(30)])
    batch = Batch.of(torch.from_numpy(rng.integers(1, NUM_ITEMS + 1, (7, 3))))
    with plain():
        whole = model.score(batch)
        monkeypatch.setattr("nextitem.models.neighbours.CELLS", 60)
        torch.testing.assert_close(model.score(batch), whole)
    assert CELLS > 60


def test_the_cosine_of_two_sets() -> None:
    """Rows 1 2 3 and 2 3 4 share two of three items with the history 2 3: 2 / sqrt(6) each."""
    found = score(fitted(SKNN(NUM_ITEMS, num_neighbours=2), [[1, 2, 3], [2, 3, 4], [5]]), [2, 3])
    one = 2 / 6**0.5
    np.testing.assert_allclose(found, [0, one, 2 * one, 2 * one, one, 0, 0, 0, 0], atol=1e-6)


def test_a_longer_row_that_shares_as_much_is_further_away() -> None:
    found = score(fitted(SKNN(NUM_ITEMS), [[1, 2], [1, 3, 4, 5]]), [1])
    assert found[2] == pytest.approx(1 / 2**0.5)
    assert found[3] == pytest.approx(1 / 2)


def test_the_own_row_is_no_neighbour() -> None:
    model = fitted(SKNN(NUM_ITEMS, num_neighbours=1), [[1, 2], [1, 3, 4]])
    assert score(model, [1, 2], user=1)[3] == pytest.approx(1 / 6**0.5)
    assert score(model, [1, 2], user=1)[2] == 0
    assert score(model, [1, 2])[3] == 0  # of a stranger, whose nearest row is the first


def test_equally_similar_rows_are_taken_by_recency() -> None:
    rows = [[1, 2], [1, 3], [1, 4]]
    for times, wanted in ((None, 4), ([5, 9, 7], 3), ([9, 5, 9], 2)):
        found = score(fitted(SKNN(NUM_ITEMS, num_neighbours=1), rows, times), [1])
        assert [item for item in (2, 3, 4) if found[item] > 0] == [wanted]


def test_only_the_most_recent_rows_are_candidates() -> None:
    rows = [[1, 2], [1, 3, 4, 5], [6], [1, 7, 8]]  # the nearest is the oldest
    found = score(fitted(SKNN(NUM_ITEMS, sample_size=2), rows), [1])
    assert found[2] == 0
    assert found[3] > 0
    assert found[7] > 0


def test_repeats_count_once() -> None:
    once, twice = (score(fitted(SKNN(NUM_ITEMS), rows), [1]) for rows in ([[1, 2]], [[2, 1, 2, 1]]))
    assert once == twice == score(fitted(SKNN(NUM_ITEMS), [[1, 2]]), [1, 1])


def test_a_model_of_no_row_scores_nothing() -> None:
    assert not any(score(fitted(SKNN(NUM_ITEMS), [[]]), [1, 2]))


def test_a_row_scores_the_same_whoever_stands_beside_it() -> None:
    rng = np.random.default_rng(0)
    model = fitted(VSKNN(NUM_ITEMS), [rng.integers(1, NUM_ITEMS + 1, 5).tolist() for _ in range(50)])
    scores = model.score(Batch.of(torch.tensor([[3, 1, 4]]).repeat(33, 1)))
    assert (scores == scores[:1]).all()


def test_the_kernel_is_held_to_the_plain_form() -> None:
    assert NEIGHBOURS.fault(False) == ""


@pytest.mark.parametrize(
    ("name", "value"), [("users", [1, 1]), ("users", [0, 1]), ("starts", [0, 9, 4]), ("times", [0])]
)
def test_damaged_rows_are_refused(name: str, value: list[int]) -> None:
    weights = fitted(SKNN(NUM_ITEMS), [[1, 2], [1, 3]]).state_dict()
    with pytest.raises(InputError):
        SKNN(NUM_ITEMS).load_weights({**weights, name: torch.tensor(value)})


def test_no_neighbours_is_an_error() -> None:
    with pytest.raises(InputError, match="num_neighbours and sample_size must be at least 1"):
        SKNN(NUM_ITEMS, num_neighbours=0)
