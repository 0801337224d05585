"""eSASRec: the conformance suite, the gates, and the block written out position by position."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.sequential.esasrec import ESASRec, GatedBlock
from nextitem.nn.losses import sampled_softmax
from nextitem.recipe import make_recipe
from nextitem.testing import RecommenderTests


class TestESASRec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return ESASRec(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, max_length=20)


def block_of(weight: float | None = None, bias: float = 0.0) -> GatedBlock:
    """A block of two heads; with `weight` its gates have it everywhere, and `bias`."""
    torch.manual_seed(0)
    block = GatedBlock(8, 2, 12, 0.0).double()
    if weight is not None:
        for gate in (block.attention_gate, block.feed_forward_gate):
            torch.nn.init.constant_(gate.weight, weight)
            torch.nn.init.constant_(gate.bias, bias)
    return block


def norm(x: list[float]) -> list[float]:
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + 1e-5)
    return [(one - mean) / spread for one in x]


def mapped(weight: Tensor, x: list[float], bias: Tensor | None = None) -> list[float]:
    added = [0.0] * len(weight) if bias is None else bias.tolist()
    return [
        sum(w * one for w, one in zip(row, x, strict=True)) + b for row, b in zip(weight.tolist(), added, strict=True)
    ]


def plain(block: GatedBlock, rows: list[list[float]]) -> list[list[float]]:
    """The block over one row (T, D), in plain Python."""

    def sigmoid(x: float) -> float:
        return 1.0 / (1.0 + math.exp(-x))

    normed, out, own = [norm(x) for x in rows], [], block.attention
    for place, x in enumerate(rows):
        query = mapped(own.query.weight, normed[place], own.query.bias)
        keys = [mapped(own.key.weight, one, own.key.bias) for one in normed[: place + 1]]
        values = [mapped(own.value.weight, one, own.value.bias) for one in normed[: place + 1]]
        mixed: list[float] = []
        for head in (range(4), range(4, 8)):
            weights = [math.exp(sum(query[e] * key[e] for e in head) / 2) for key in keys]
            mixed += [sum(w * v[e] for w, v in zip(weights, values, strict=True)) / sum(weights) for e in head]
        assert isinstance(own.output, nn.Linear)
        attended = mapped(own.output.weight, mixed, own.output.bias)
        gates = mapped(block.attention_gate.weight, x, block.attention_gate.bias)
        x = [one + sigmoid(gate) * new for one, gate, new in zip(x, gates, attended, strict=True)]
        y, feed = norm(x), block.feed_forward
        inner = zip(mapped(feed.gate.weight, y), mapped(feed.inner.weight, y), strict=True)
        fed = mapped(feed.outer.weight, [g * sigmoid(g) * one for g, one in inner])
        gates = mapped(block.feed_forward_gate.weight, x, block.feed_forward_gate.bias)
        out.append([one + sigmoid(gate) * new for one, gate, new in zip(x, gates, fed, strict=True)])
    return out


def test_the_block_is_that_of_plain_loops() -> None:
    block, x = block_of(), torch.randn(2, 5, 8, dtype=torch.float64)
    wanted = torch.tensor([plain(block, row) for row in x.tolist()], dtype=torch.float64)
    torch.testing.assert_close(block(x), wanted, rtol=1e-9, atol=1e-9)


def test_closed_gates_make_the_block_the_identity() -> None:
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    assert torch.equal(block_of(0.0, float("-inf"))(x), x)


def test_gates_of_zeros_let_half_through() -> None:
    x, block = torch.randn(2, 5, 8, dtype=torch.float64), block_of(0.0)
    y = block.attention_norm(x)
    half = x + 0.5 * block.attention(y, y)
    torch.testing.assert_close(block(x), half + 0.5 * block.feed_forward(block.feed_forward_norm(half)))


@pytest.mark.parametrize("num_layers", [0, 2])
def test_a_place_alone_has_the_state_that_it_has_beside_the_others(num_layers: int) -> None:
    model, places = ESASRec(9, dim=8, num_layers=num_layers, dropout=0.0), torch.tensor([2, 0])
    batch = Batch.of(torch.tensor([[1, 2, 3], [4, 0, 0]]))
    torch.testing.assert_close(model.encode_at(batch, places), model.encode(batch)[torch.arange(2), places])


def test_embeddings_are_scaled_where_it_is_asked() -> None:
    batch = Batch.of(torch.tensor([[3]]))
    for scale, factor in ((False, 1.0), (True, 4.0)):
        model = ESASRec(9, dim=16, num_layers=0, dropout=0.0, scale_embeddings=scale)
        wanted = factor * model.item_embedding.weight[3] + model.position_embedding.weight[0]
        torch.testing.assert_close(model.encode(batch)[0, 0], wanted)


def test_the_size_is_that_of_its_parts() -> None:
    """Items, positions, and a block of two norms, attention, three maps without biases, two gates."""
    block = 2 * 2 * 8 + 4 * (8 * 8 + 8) + 3 * 8 * 32 + 2 * (8 * 8 + 8)
    found = sum(one.numel() for one in ESASRec(100, dim=8).parameters())
    assert found == 101 * 8 + 50 * 8 + 2 * block


def test_its_recipe_learns_without_log_q_by_a_slow_second_moment() -> None:
    recipe = make_recipe({"model": {"name": "ESASRec"}})
    assert recipe.loss is not None
    assert recipe.training is not None
    assert recipe.loss.name == sampled_softmax.__name__
    assert recipe.loss.keys(["correct", "exclude_history"]) == {"correct": False, "exclude_history": False}
    assert (recipe.loss.sampler, recipe.loss.num_negatives, recipe.training.beta2) == ("uniform", 256, 0.98)
