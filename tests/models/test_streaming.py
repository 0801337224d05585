"""Streams: item by item as the whole history at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.sequential.mamba4rec import Mamba4Rec
from nextitem.models.streaming import Streaming
from nextitem.nn.scorers import Cosine, Euclidean, InnerProduct, VectorScorer
from nextitem.testing import NUM_ITEMS, RecommenderTests, other_device

HISTORY = [3, 1, 4, 1, 5, 9, 2, 6]
MODELS: dict[str, Callable[[], Streaming[Any]]] = {
    "mamba": lambda: Mamba4Rec(NUM_ITEMS, dim=8, d_state=4, max_length=None, initialisation="official"),
    "mamba of two layers": lambda: Mamba4Rec(NUM_ITEMS, dim=8, num_layers=2, d_state=4, max_length=None),
    "mamba2": lambda: Mamba4Rec(NUM_ITEMS, 8, 2, 4, max_length=None, block="mamba2", head_dim=8),
    "gru": lambda: GRU4Rec(NUM_ITEMS, dim=8, hidden_dim=6, num_layers=2, max_length=None),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Streaming[Any]:
    return MODELS[request.param]().eval()


# A score adds 8 products of at most 1, each of a state that was rounded about 40 times on its way through the layers.
ROUNDING = 8 * 40 * 2**-24


def scores(model: Streaming[Any], history: list[int]) -> Tensor:
    """In float64: the whole history at once adds in another order than step by step, and on every processor."""
    return RecommenderTests().score(copy.deepcopy(model).double(), [history])[0]


def assert_near(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=ROUNDING)


@pytest.mark.parametrize("scorer", [InnerProduct, Cosine, Euclidean])
def test_each_step_equals_scoring_the_whole_history(model: Streaming[Any], scorer: type[VectorScorer]) -> None:
    model.scorer = scorer()
    stream = model.start(torch.tensor(HISTORY[:3]))
    for length in range(3, len(HISTORY)):
        wanted = scores(model, HISTORY[:length])
        assert_near(model.next_scores(stream), wanted)
        stream = model.step(stream, HISTORY[length])


def test_an_empty_history_is_as_in_a_batch_and_leaves_no_trace(model: Streaming[Any]) -> None:
    stream = model.start(torch.tensor([], dtype=torch.int64))
    assert_near(model.next_scores(stream), scores(model, []))
    after = model.next_scores(model.step(stream, 3))
    assert_near(after, scores(model, [3]))


def test_a_stream_lies_where_the_model_does(model: Streaming[Any]) -> None:
    wanted = model.next_scores(model.step(model.start(torch.tensor(HISTORY)), 7))
    with other_device() as device:
        stream = model.to(device).step(model.start(torch.tensor(HISTORY)), 7)
        found = model.next_scores(stream)
        assert found.device == device
        torch.testing.assert_close(found.cpu(), wanted, rtol=1e-4, atol=ROUNDING)


def test_a_step_leaves_the_stream_before_it_as_it_was(model: Streaming[Any]) -> None:
    stream = model.start(torch.tensor(HISTORY))
    one = model.next_scores(model.step(stream, 7))
    model.step(stream, 8)
    assert torch.equal(one, model.next_scores(model.step(stream, 7)))


def test_memory_does_not_grow(model: Streaming[Any]) -> None:
    def size(memory: Any) -> int:
        return memory.numel() if isinstance(memory, Tensor) else sum(map(size, memory))

    few, many = model.start(torch.tensor(HISTORY[:1])), model.start(torch.tensor(HISTORY * 5))
    assert size(few.memory) == size(many.memory) > 0


def test_a_start_reads_the_newest_max_length_items(model: Streaming[Any]) -> None:
    model.max_length = 3
    one, other = model.start(torch.tensor(HISTORY)), model.start(torch.tensor(HISTORY[-3:]))
    assert torch.equal(model.next_scores(one), model.next_scores(other))


def test_training_mode_and_unknown_items_are_refused(model: Streaming[Any]) -> None:
    stream = model.start(torch.tensor(HISTORY))
    with pytest.raises(InputError, match=f"from 1 to {NUM_ITEMS}, found 21"):
        model.step(stream, 21)
    with pytest.raises(InputError, match="in training mode"):
        model.train().step(stream, 1)
