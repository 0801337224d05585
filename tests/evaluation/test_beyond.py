"""Metrics of lists: by hand, as RecTools' documentation has them, and the same whatever the blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.side.features import Features
from nextitem.data.splits.split import Holdout
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.evaluation.beyond import (
    LISTED,
    Renown,
    coverage,
    diversity,
    gini,
    mean_of_list,
    serendipity,
    values_of_items,
)
from nextitem.evaluation.evaluate import Report, evaluate
from nextitem.evaluation.metrics import check, check_monitor
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import bytes_of_a_row
from nextitem.models.base import Recommender
from nextitem.processes import Processes

GENRES = pl.DataFrame({
    "title": ["A", "B", "C", "D", "E", "F"],
    "genre": [["x", "y"], ["x"], ["y", "z"], ["z"], [], ["x", "y"]],
    "year": [1990, 1991, 1992, 1993, 1994, 1995],
})  # fmt: skip


class Table(Recommender):
    """Scores are a table's row of the user."""

    table: Tensor  # (users + 1, V)

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__(len(rows[0]))
        table = torch.tensor(rows, dtype=torch.float32)
        self.register_buffer("table", torch.nn.functional.pad(table, (1, 0, 1, 0)))

    def score(self, batch: Batch) -> Tensor:
        return self.table[batch.users]


def holdout_of(histories: list[list[int]], targets: list[list[int]]) -> Holdout:
    seen = Sequences.from_lists(histories)
    return Holdout(np.arange(1, len(seen) + 1), seen, seen, Sequences.from_lists(targets), 0)


def data_of(rows: list[list[int]], num_items: int) -> TrainingData:
    return TrainingData(Sequences.from_lists(rows), num_items, Side(item_table=GENRES.head(num_items)))


def test_coverage_and_gini_by_hand() -> None:
    """One list of four has the third item, three have the fourth: (1 * 1 + 3 * 3) / (4 * 4)."""
    assert coverage(np.array([0, 0, 1, 3])) == 0.5
    assert gini(np.array([3, 0, 1, 0])) == 0.625
    assert gini(np.zeros(3, dtype=np.int64)) == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_coverage_and_gini_keep_to_their_bounds(counts: list[int]) -> None:
    found = np.array(counts)
    assert 0 <= coverage(found) <= 1
    assert 0 <= gini(found) <= 1 - 1 / len(counts) + 1e-12
    assert gini(np.full(len(counts), 7)) == 0
    assert gini(found) == pytest.approx(gini(found[::-1] * 3))
    apart = np.abs(found[:, None] - found[None, :]).sum()  # half of the relative mean difference, by the definition
    assert gini(found) == pytest.approx(apart / (2 * len(counts) * found.sum()) if found.any() else 0)


def test_novelty_and_popularity_by_hand() -> None:
    """All three users have item 1, one has item 2, twice; nobody has item 3, which counts as if one had it."""
    renown = Renown.of(data_of([[1, 2, 2], [1], [], [1]], 3))
    lists = np.array([[2, 0], [1, 2], [3, 1], [0, 0]])
    assert mean_of_list(lists, renown.surprise)[:3].tolist() == pytest.approx([1.58496, 0.79248, 0.79248], abs=1e-5)
    assert mean_of_list(lists, renown.share)[:3].tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 2])
    assert np.isnan(mean_of_list(lists, renown.share)[3])


def test_novelty_and_serendipity_are_those_of_the_examples_that_rectools_documents() -> None:
    of_novelty = Renown.of(data_of([[1, 2], [1], [1]], 3))
    lists = np.array([[3, 0], [2, 3], [1, 2]])
    found = mean_of_list(lists, of_novelty.surprise)
    assert found.tolist() == pytest.approx([1.5849625, 1.5849625, 0.79248125])
    expected = Renown.of(data_of([[1, 2], [1, 2], [1]], 4)).expected
    lists = np.array([[1, 2], [2, 3], [3, 0], [2, 3]])
    targets = Sequences.from_lists([[1, 2], [2, 3], [2], [2]])
    assert serendipity(lists[:, :1], targets, expected).tolist() == [0, 0.25, 0, 0.25]
    assert serendipity(lists, targets, expected).tolist() == [0, 0.5, 0, 0.125]


def test_diversity_by_hand() -> None:
    """Jaccard of {x, y} and {x} is 1/2, of {x, y} and {y, z} 1/3, of {x} and {y, z} 0. Of item 5 nothing is known."""
    values = values_of_items(Features.of(GENRES))
    assert values.shape == (7, 3)  # no title, which one item has alone, and no year
    lists = np.array([[1, 2, 3], [1, 5, 2], [6, 1, 0], [5, 1, 0], [1, 4, 0]])
    found = diversity(lists, values)
    assert found[[0, 1, 2, 4]].tolist() == pytest.approx([(1 / 2 + 2 / 3 + 1) / 3, 1 / 2, 0, 1])
    assert np.isnan(found[3])


def test_lists_are_of_unseen_items_and_ties_go_by_number() -> None:
    """User 1 has met item 2, whose score is the highest; then items 1, 3 and 4 are alike, and 1 and 3 are on the list.
    User 2 has met all but item 4."""
    model = Table([[1, 9, 1, 1], [1, 2, 3, 4]])
    holdout = holdout_of([[2], [1, 2, 3]], [[4], [4]])
    data = data_of([[2], [1, 2, 3]], 4)
    names = ["coverage@2", "gini@2", "popularity@2", "coverage@1"]
    report = evaluate(model, holdout, names, data=data)
    assert report.whole == {"coverage@2": 0.75, "gini@2": gini(np.array([1, 0, 1, 1])), "coverage@1": 0.5}
    assert report.values["popularity@2"].tolist() == [1 / 2, 0]
    kept = evaluate(model, holdout, names, Protocol(seen="keep"), data=data)
    assert kept.whole["coverage@2"] == 1  # items 2 and 1, and 4 and 3
    own = holdout_of([[2, 3], [1]], [[2], [2]])
    assert evaluate(model, own, ["coverage@1"], Protocol(seen="mask")).whole["coverage@1"] == 0.5  # items 1 and 4
    spared = evaluate(model, own, ["popularity@1"], Protocol(seen="mask_unless_target"), data=data)
    assert spared.values["popularity@1"].tolist() == [1, 0]  # items 2 and 4


def test_means_have_what_has_no_value_a_case_but_not_those_of_a_slice() -> None:
    report = small()
    assert list(report.means()) == ["hr@2", "diversity@2", "coverage@2"]
    assert list(report.means(np.array([True, False, False]))) == ["hr@2", "diversity@2"]
    values = report.values["diversity@2"]
    assert np.isnan(values).any()
    assert report.means()["diversity@2"] == pytest.approx(np.nanmean(values))
    assert report.means(np.isnan(values))["diversity@2"] == 0


def small() -> Report:
    model = Table([[9, 8, 1, 1, 1, 1], [1, 1, 1, 1, 9, 8], [1, 1, 9, 1, 8, 7]])
    holdout = holdout_of([[6], [1], [2]], [[1], [2], [3]])
    return evaluate(model, holdout, ["coverage@2", "hr@2", "diversity@2"], data=data_of([[6], [1], [2]], 6))


ALL = [f"{kind}@{k}" for kind in LISTED for k in (2, 4)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_neither_blocks_nor_the_order_of_users_nor_processes_change_anything(seed: int) -> None:
    generator = np.random.default_rng(seed)
    model = Table(generator.integers(0, 5, (9, 6)).astype(float).tolist())
    histories = [generator.integers(1, 7, generator.integers(1, 5)).tolist() for _ in range(9)]
    holdout = holdout_of(histories, generator.integers(1, 7, (9, 2)).tolist())
    data = data_of(histories, 6)
    whole = evaluate(model, holdout, ALL, data=data)
    small = evaluate(model, holdout, ALL, memory=2 * bytes_of_a_row(6), data=data)
    assert_alike(whole, small, np.arange(9))
    order = generator.permutation(9)
    assert_alike(whole, evaluate(model, holdout.take(order), ALL, data=data), order)
    for name, values in whole.values.items():
        known = values[~np.isnan(values)]
        assert (known >= 0).all()
        assert name.startswith("novelty") or (known <= 1).all()


def assert_alike(one: Report, other: Report, order: np.ndarray) -> None:
    assert one.whole == other.whole
    for name, values in one.values.items():
        np.testing.assert_array_equal(values[order], other.values[name])


def test_the_parts_of_two_processes_add_up_to_the_whole() -> None:
    """Each ranks every second block; what they have is added, as the processes of a run do."""
    from nextitem.evaluation.listing import Listing
    from nextitem.evaluation.ranking import rank

    model = Table(np.random.default_rng(3).random((9, 6)).tolist())
    histories = [[user % 6 + 1] for user in range(9)]
    holdout, data = holdout_of(histories, [[(user + 2) % 6 + 1] for user in range(9)]), data_of(histories, 6)
    memory = 2 * bytes_of_a_row(6)
    parts = [Listing(ALL, 9, 6, data) for _ in range(2)]
    for number, part in enumerate(parts):
        rank(model, holdout, Protocol(), memory, processes=_Part(number, 2), listing=part)
    alone = evaluate(model, holdout, ALL, memory=memory, data=data)
    for name, values in alone.values.items():
        np.testing.assert_array_equal(values, parts[0].values[name] + parts[1].values[name])
    assert alone.whole["coverage@2"] == coverage((parts[0].counts[2] + parts[1].counts[2])[1:])


class _Part(Processes):
    """One of two, whose other one is silent."""

    def sum(self, values: np.ndarray) -> np.ndarray:
        return values


def test_what_cannot_be_measured_is_refused_by_its_name() -> None:
    model, holdout = Table([[1, 2, 3], [3, 2, 1]]), holdout_of([[1], [2]], [[2], [3]])
    data = data_of([[1], [2]], 3)
    bare = replace(data, side=Side())
    titles = replace(data, side=Side(item_table=GENRES.head(3).select("title", "year")))
    for name, protocol, given_data, said in (
        ("coverage@1", Protocol(candidates=1), data, "coverage@1 looks at the best items of the whole catalogue"),
        ("novelty@1", None, None, "novelty@1 goes by the training data, and none was given; evaluate with data="),
        ("diversity@2", None, None, "diversity@2 goes by the training data"),
        ("diversity@2", None, bare, "diversity@2 goes by attributes of items, and the data has none"),
        ("diversity@2", None, titles, r"0 of 3 items have\s+one \(attributes: title, year\)"),
        ("diversity@1", None, data, "a list of one item has no pair"),
        ("gini@4", None, None, "gini@4: a list of 4 holds all 3 items"),
    ):
        with pytest.raises(InputError, match=said):
            evaluate(model, holdout, [name], protocol, data=given_data)
    with pytest.raises(InputError, match='did you mean "coverage"'):
        check("coverag@10")
    with pytest.raises(InputError, match=r"training\.monitor: gini@10 says what is on the lists"):
        check_monitor("gini@10", "training.monitor")
