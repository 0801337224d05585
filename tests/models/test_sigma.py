"""SIGMA: the conformance suite, which items each half reads, its formula in plain steps."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.sigma import SIGMA, SIGMALayer, turned_places
from nextitem.nn.scan import Rows
from nextitem.testing import RecommenderTests

ROUNDING = 4 * 40 * 2**-24  # a state adds 4 products of about 1, each of numbers that were rounded 40 times


class TestSIGMA(RecommenderTests):
    epochs = 12

    def make(self, num_users: int, num_items: int) -> Recommender:
        return SIGMA(num_items, dim=16, d_state=4, num_kept=2, dropout=0.0, max_length=20)


class TestTwoLayersOfTheWholeHistory(TestSIGMA):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return SIGMA(num_items, 16, 2, d_state=4, dropout=0.0, max_length=None)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), num_kept=st.integers(0, 9))
def test_each_row_is_turned_round_but_for_its_newest(lengths: list[int], num_kept: int) -> None:
    found = iter(turned_places(Rows.packed(torch.tensor(lengths)), num_kept).tolist())
    for row, length in enumerate(lengths):
        items = [10 * row + step for step in range(length)]
        cut = max(length - num_kept, 0)
        start = sum(lengths[:row])
        assert [10 * row + next(found) - start for _ in items] == items[:cut][::-1] + items[cut:]


def test_the_state_is_the_formula() -> None:
    torch.manual_seed(0)
    model = SIGMA(9, dim=4, d_state=3, num_kept=2).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    found = model.encode_at(Batch.of(torch.tensor([[3, 1, 4, 5, 9, 0]])), torch.tensor([4]))
    model = model.double()
    layer = model.layers[0]
    assert isinstance(layer, SIGMALayer)
    x = model.input_norm(model.item_embedding(torch.tensor([[3, 1, 4, 5, 9]])))
    other = x[:, [2, 1, 0, 3, 4]]

    def gate(h: torch.Tensor) -> torch.Tensor:
        return layer.of_silu(F.silu(h)) + layer.of_sigmoid(torch.sigmoid(h))

    m = layer.mamba(x) * (1 + gate(x + layer.of_straight(x)))
    n = layer.mamba(other) * (1 + gate(other + layer.of_turned(other)))
    r, _ = layer.gru(layer.neighbours(x.transpose(1, 2)).transpose(1, 2))
    mixed = layer.projection(layer.shares[0] * m + layer.shares[1] * n + layer.shares[2] * r)
    y = layer.norm(mixed)
    wanted = layer.feed_forward_norm(layer.feed_forward(y) + y)[:, -1]
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=ROUNDING)


def test_a_place_in_between_is_the_end_of_a_prefix() -> None:
    model = SIGMA(9, dim=4, d_state=2, num_kept=1, num_layers=2).eval()
    whole = model.encode(Batch.of(torch.tensor([[3, 1, 4, 5], [2, 7, 0, 0]]))).double()
    model = model.double()
    for row, items in enumerate([[3, 1, 4, 5], [2, 7]]):
        for length in range(1, len(items) + 1):
            alone = model.encode_at(Batch.of(torch.tensor([items[:length]])), torch.tensor([length - 1]))
            torch.testing.assert_close(whole[row, length - 1], alone[0], rtol=1e-5, atol=ROUNDING)


@pytest.mark.parametrize(("num_layers", "num_kept"), [(0, 5), (1, -1)])
def test_wrong_sizes_are_named(num_layers: int, num_kept: int) -> None:
    with pytest.raises(InputError, match=f"found {num_layers} and {num_kept}"):
        SIGMA(9, num_layers=num_layers, num_kept=num_kept)
