"""Mamba4Rec: the conformance suite, its size, and the query of its authors' example."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.mamba4rec import Block, Mamba4Rec
from nextitem.testing import RecommenderTests, batch_of


class TestMamba4Rec(RecommenderTests):
    epochs = 12

    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(num_items, dim=16, d_state=8, dropout=0.0, max_length=20)


class TestTwoLayersOfTheWholeHistory(TestMamba4Rec):
    epochs = 8

    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(num_items, 16, 2, d_state=4, dropout=0.0, max_length=None, initialisation="official")


class TestMamba2(TestMamba4Rec):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(num_items, dim=16, d_state=8, dropout=0.0, max_length=20, block="mamba2", head_dim=8)


class TestMamba3(TestMamba4Rec):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(num_items, dim=16, d_state=8, dropout=0.0, max_length=20, block="mamba3", head_dim=8)


class TestTwoLayersOfMamba2(TestMamba4Rec):
    epochs = 8

    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(num_items, 16, 2, 8, dropout=0.0, max_length=None, block="mamba2", head_dim=16)


def test_the_query_of_the_authors_example() -> None:
    """Mamba4Rec(items_num=1000, hidden_size=64, ..)(seq, len) -> (2, 64), under our names."""
    model = Mamba4Rec(num_items=1000, dim=64, d_state=256, d_conv=4, expand=2, num_layers=2, dropout=0.2)
    inputs = torch.randint(1, 1001, (2, 10))
    inputs[1, 6:] = 0
    assert model.query(batch_of(model, [inputs[0].tolist(), inputs[1, :6].tolist()])).shape == (2, 64)


def test_parameters_by_hand() -> None:
    """dim 8, 16 channels, 4 states, 4 taps: items, two norms and one of the input, block, feed-forward."""
    block = 8 * 32 + (16 * 4 + 16) + 16 * (1 + 8) + (16 + 16) + 16 * 4 + 16 + 16 * 8
    by_hand = 11 * 8 + 3 * 16 + block + (8 * 32 + 32) + (32 * 8 + 8)
    assert sum(one.numel() for one in Mamba4Rec(10, dim=8, d_state=4).parameters()) == by_hand


@pytest.mark.parametrize("block", ["mamba", "mamba2", "mamba3"])
def test_the_places_asked_for_equal_those_of_the_whole(block: Block) -> None:
    model = Mamba4Rec(20, dim=8, num_layers=2, d_state=8, block=block, head_dim=4).eval()
    inputs = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [0, 0, 0, 0]])
    found, places = model.encode_at(Batch.of(inputs), torch.tensor([1, 1, 0])), torch.tensor([1, 1, 0])
    torch.testing.assert_close(found, model.encode(Batch.of(inputs))[torch.arange(3), places])


def test_one_layer_has_no_residual_around_its_block() -> None:
    """LN(m): with a block that gives zeros, nothing of the items is left."""
    model = Mamba4Rec(20, dim=8).eval()
    layer: Any = model.layers[0]
    with torch.no_grad():
        layer.mamba.out_proj.weight.zero_()
    states = model.encode(Batch.of(torch.tensor([[1, 2, 3]])))[0]
    torch.testing.assert_close(states[0], states[2])
    two = Mamba4Rec(20, dim=8, num_layers=2).eval()
    with torch.no_grad():
        for layer in two.layers:
            layer.mamba.out_proj.weight.zero_()
    states = two.encode(Batch.of(torch.tensor([[1, 2, 3]])))[0]
    assert not torch.allclose(states[0], states[2])


def test_the_paddings_vector_stays_zero() -> None:
    assert not Mamba4Rec(20, dim=8).item_embedding.weight[0].any()


def test_a_model_has_a_layer_at_least() -> None:
    with pytest.raises(InputError, match="num_layers must be at least 1, found 0"):
        Mamba4Rec(20, num_layers=0)


def test_an_unknown_block_is_named() -> None:
    with pytest.raises(InputError, match='no block "mamba4"; did you mean "mamba'):
        Mamba4Rec(20, block="mamba4")  # type: ignore[arg-type]
