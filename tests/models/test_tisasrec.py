"""TiSASRec: the conformance suite, intervals by hand, and attention as a plain loop over pairs has it."""

from __future__ import annotations

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.tisasrec import TiSASRec
from nextitem.nn.interval_attention import IntervalAttention, Tables, interval_numbers
from nextitem.testing import RecommenderTests


class TestTiSASRec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return TiSASRec(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, max_length=20, time_span=8)


def test_intervals_are_in_units_of_the_shortest_gap_so_far() -> None:
    numbers = interval_numbers(torch.tensor([[100, 130, 140, 140, 145]]), torch.tensor([5]), 1000)[0]
    assert [row[: place + 1] for place, row in enumerate(numbers.tolist())] == [
        [0],
        [1, 0],
        [4, 1, 0],
        [4, 1, 0, 0],
        [9, 3, 1, 1, 0],
    ]


def test_long_intervals_are_cut() -> None:
    assert interval_numbers(torch.tensor([[0, 1, 100]]), torch.tensor([3]), 5)[0, 2].tolist() == [5, 5, 0]


def test_items_of_one_moment_have_no_interval() -> None:
    assert not interval_numbers(torch.tensor([[7, 7, 7]]), torch.tensor([3]), 5).any()


def test_padding_is_no_gap() -> None:
    alone, padded = torch.tensor([[5, 9]]), torch.tensor([[5, 9, 0, 0]])
    lengths = torch.tensor([2])
    assert torch.equal(interval_numbers(alone, lengths, 9), interval_numbers(padded, lengths, 9)[:, :2, :2])


def test_attention_is_that_of_a_loop_over_pairs() -> None:
    torch.manual_seed(0)
    attention, tables = IntervalAttention(8, 2).double(), [Tables(5, 4, 8, 0.0).double() for _ in range(2)]
    x, asks = torch.randn(3, 5, 8).double(), torch.randn(3, 5, 8).double()
    gaps, ages = torch.randint(0, 4, (3, 5, 5)), torch.randint(0, 5, (3, 5))
    found = attention(asks, x, tables[0](ages), tables[1](ages), gaps)
    query, key, value = attention.project(asks, x)
    mixed = torch.zeros(3, 5, 8).double()
    for row in range(3):
        for place in range(5):
            for half in (slice(0, 4), slice(4, 8)):
                seen = range(place + 1)
                keys, values = (
                    [
                        own[row, s] + table.places.weight[ages[row, s]] + table.intervals.weight[gaps[row, place, s]]
                        for s in seen
                    ]
                    for own, table in ((key, tables[0]), (value, tables[1]))
                )
                weights = torch.stack([query[row, place, half] @ one[half] / 2 for one in keys]).softmax(0)
                mixed[row, place, half] = sum(w * one[half] for w, one in zip(weights, values, strict=True))
    torch.testing.assert_close(found, attention.output(mixed))


def test_times_matter() -> None:
    torch.manual_seed(0)
    model = TiSASRec(9, dim=8, num_layers=1, dropout=0.0, max_length=5, time_span=4).eval()
    items = torch.tensor([[1, 2, 3]])
    near, far = (model.encode(Batch.of(items, times=torch.tensor([times]))) for times in ([0, 1, 2], [0, 1, 4]))
    assert not torch.allclose(near[0, 2], far[0, 2])


def test_a_batch_without_times_is_refused() -> None:
    with pytest.raises(InputError, match="goes by times"):
        TiSASRec(9, dim=8).encode(Batch.of(torch.tensor([[1, 2]])))


def test_the_size_is_that_of_its_parts() -> None:
    """Items, two tables of 50 places and 257 intervals, two blocks of SASRec, the last norm."""
    model = TiSASRec(100, dim=8)
    block = 2 * 2 * 8 + 4 * (8 * 8 + 8) + 2 * (8 * 8 + 8)
    assert sum(one.numel() for one in model.parameters()) == 101 * 8 + 2 * (50 + 257) * 8 + 2 * block + 2 * 8
