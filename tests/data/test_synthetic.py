"""Synthetic data: the answer is known, so it can be checked."""

import numpy as np
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.synthetic import SYNTHETIC, dataset_of, markov_chain, shuffled, transitions
from nextitem.errors import InputError


def share_ruled(dataset: Dataset, order: int) -> float:
    """The share of steps that follow the transitions of seed 0."""
    table = transitions(order, dataset.num_items)
    rows = [row for row in dataset.sequences.to_lists() if len(row) > order]
    hits = [table[tuple(row[t - order : t])] == row[t] for row in rows for t in range(order, len(row))]
    return float(np.mean(hits))


def test_index_of_dataset_of_is_the_id() -> None:
    data = dataset_of([[3, 1], [2]], num_items=4)
    assert (data.sequences.to_lists(), data.users.ids([1, 2]), data.items.ids([1, 2, 3, 4])) == (
        [[3, 1], [2]],
        [1, 2],
        [1, 2, 3, 4],
    )


@pytest.mark.parametrize(("rows", "num_items", "found"), [([[0, 1]], None, "0"), ([[1, 5]], 4, "5")])
def test_dataset_of_refuses_items_out_of_range(rows: list[list[int]], num_items: int | None, found: str) -> None:
    with pytest.raises(InputError, match=f"found {found}"):
        dataset_of(rows, num_items)


def test_order_1_is_one_cycle_through_all_items() -> None:
    table, item, met = transitions(1, 7), 1, set()
    while item not in met:
        met.add(item)
        item = int(table[item])
    assert met == set(range(1, 8))


def test_order_2_tells_nothing_by_the_last_item_alone() -> None:
    table = transitions(2, 7)[1:, 1:]
    assert all(sorted(table[:, last]) == list(range(1, 8)) for last in range(7))


@pytest.mark.parametrize("order", [1, 2])
def test_without_noise_every_step_is_ruled(order: int) -> None:
    assert share_ruled(markov_chain(order, num_users=50, noise=0), order) == 1


@pytest.mark.parametrize("order", [1, 2])
def test_noise_is_the_share_of_random_steps(order: int) -> None:
    share = share_ruled(markov_chain(order, num_users=1000, noise=0.3), order)
    assert share == pytest.approx(0.7 + 0.3 / 100, abs=0.015)


def test_order_0_follows_no_rule() -> None:
    assert share_ruled(markov_chain(0, num_users=1000), 1) == pytest.approx(1 / 100, abs=0.005)


def test_all_noise_follows_no_rule() -> None:
    assert share_ruled(markov_chain(1, num_users=1000, noise=1), 1) == pytest.approx(1 / 100, abs=0.005)


def test_lengths_have_their_mean_and_range() -> None:
    lengths = markov_chain(num_users=2000, mean_length=20).sequences.lengths
    assert lengths.mean() == pytest.approx(20, abs=0.5)
    assert (lengths.min(), lengths.max()) == (10, 30)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_same_seed_same_rows(name: str) -> None:
    make = SYNTHETIC[name]
    assert make(seed=3).sequences.to_lists() == make(seed=3).sequences.to_lists()
    assert make(seed=3).sequences.to_lists() != make(seed=4).sequences.to_lists()


@pytest.mark.parametrize("name", SYNTHETIC)
def test_dataset_is_called_by_its_name(name: str) -> None:
    assert SYNTHETIC[name]().name == name


def test_shuffled_rows_hold_the_same_items() -> None:
    data = markov_chain(num_users=50)
    mixed = shuffled(data, seed=1)
    assert [sorted(row) for row in mixed.sequences.to_lists()] == [sorted(row) for row in data.sequences.to_lists()]
    assert share_ruled(mixed, 1) < 0.2


def test_shuffled_is_seeded() -> None:
    data = markov_chain(num_users=50)
    assert shuffled(data, 1).sequences.to_lists() == shuffled(data, 1).sequences.to_lists()
    assert shuffled(data, 1).sequences.to_lists() != shuffled(data, 2).sequences.to_lists()


def test_shuffled_places_are_uniform() -> None:
    data = dataset_of([[1, 2, 3]] * 3000)
    firsts = np.bincount([row[0] for row in shuffled(data).sequences.to_lists()])[1:]
    assert firsts == pytest.approx([1000] * 3, abs=120)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [({"order": 3}, "found 3"), ({"noise": 1.5}, "found 1.5"), ({"num_items": 1}, "num_items >= 2")],
)
def test_impossible_chain_is_refused(arguments: dict[str, int], found: str) -> None:
    with pytest.raises(InputError, match=found):
        markov_chain(**arguments)
