"""HSTU: the conformance suite with each bias of time, plain loops, and what the time of a question changes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.hstu import HSTU, PointwiseBlock, TimeBias, moments_after
from nextitem.nn.time_buckets import NUM_BUCKETS
from nextitem.recipe import make_recipe
from nextitem.testing import RecommenderTests


class TestHSTU(RecommenderTests):
    time_bias: TimeBias = "own"

    def make(self, num_users: int, num_items: int) -> Recommender:
        sizes = {"dim": 16, "num_layers": 2, "num_heads": 2, "max_length": 20}
        return HSTU(num_items, **sizes, dropout=0.0, time_bias=self.time_bias)


class TestNext(TestHSTU):
    time_bias = "next"

    def test_encode_ignores_later_items(self) -> None:
        """But for when the next one comes."""
        one, other = small().encode(asked([[1, 5, 9]] * 2, [20, 20], [[1, 2, 3], [1, 2, 4]]))
        torch.testing.assert_close(one[:2], other[:2])
        later = small().encode(asked([[1, 5, 90]], [100], [[1, 2, 3]]))[0]
        torch.testing.assert_close(one[:1], later[:1])
        assert not torch.allclose(one[1], later[1])


class TestWithoutTimes(TestHSTU):
    time_bias = "none"


def asked(times: list[list[int]], at: list[int], items: list[list[int]]) -> Batch:
    """Rows of items without padding, asked for the next of each at a moment."""
    batch = Batch.of(torch.tensor(items), times=torch.tensor(times))
    moments = torch.zeros_like(batch.inputs)
    moments[:, -1] = torch.tensor(at)
    return replace(batch, asked_at=moments)


def small(time_bias: TimeBias = "next", num_layers: int = 2) -> HSTU:
    torch.manual_seed(0)
    model = HSTU(9, dim=8, num_layers=num_layers, num_heads=2, dropout=0.0, max_length=5, time_bias=time_bias).double()
    for block in model.blocks:
        assert isinstance(block, PointwiseBlock)
        for table in (block.projections.weight, block.by_age, block.by_time):
            if isinstance(table, torch.Tensor):
                torch.nn.init.normal_(table)  # not so small that nothing shows
    return model


def norm(x: list[float]) -> list[float]:
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + 1e-6)
    return [(one - mean) / spread for one in x]


def silu(x: float) -> float:
    return x / (1 + math.exp(-x))


def by_loops(model: HSTU, items: list[int], times: list[int], asking: list[int]) -> list[list[float]]:
    """The states after the items of one row, in plain Python."""
    table, places = model.item_embedding.weight.tolist(), model.position_embedding.weight.tolist()
    length = len(items)
    rows = [
        [math.sqrt(8) * e + p for e, p in zip(table[item], places[length - 1 - at], strict=True)]
        for at, item in enumerate(items)
    ]
    for block in model.blocks:
        assert isinstance(block, PointwiseBlock)
        maps, by_age = block.projections.weight.tolist(), block.by_age.tolist()
        by_time = None if block.by_time is None else block.by_time.tolist()
        parts = [[silu(sum(w * one for w, one in zip(line, norm(x), strict=True))) for line in maps] for x in rows]
        after = []
        for i, x in enumerate(rows):
            mixed = [0.0] * 8
            for j in range(i + 1):
                bucket = min(int(math.log(max(abs(asking[i] - times[j]), 1)) / 0.301), 128)
                for head in (range(4), range(4, 8)):
                    score = by_age[i - j] + (0.0 if by_time is None else by_time[bucket])
                    score += sum(parts[i][16 + e] * parts[j][24 + e] for e in head)
                    for e in head:
                        mixed[e] += silu(score) / 5 * parts[j][8 + e]
            gated = [y * u for y, u in zip(norm(mixed), parts[i][:8], strict=True)]
            out = zip(block.output.weight.tolist(), block.output.bias.tolist(), x, strict=True)
            after.append([one + b + sum(w * g for w, g in zip(line, gated, strict=True)) for line, b, one in out])
        rows = after
    return rows


@pytest.mark.parametrize(
    ("time_bias", "asking"), [("own", [0, 3, 90, 86_400]), ("next", [3, 90, 86_400, 10**7]), ("none", [0] * 4)]
)
def test_states_are_those_of_plain_loops(time_bias: TimeBias, asking: list[int]) -> None:
    model, items, times = small(time_bias), [3, 1, 4, 1], [0, 3, 90, 86_400]
    states = model.encode(asked([times], [10**7], [items]))[0]
    wanted = torch.tensor(by_loops(model, items, times, asking), dtype=torch.float64)
    torch.testing.assert_close(states, wanted, rtol=1e-9, atol=1e-9)


def test_a_block_of_zeros_is_the_identity_and_the_bias_of_its_last_map() -> None:
    block, x = PointwiseBlock(8, 2, 0.0, 5, NUM_BUCKETS), torch.randn(2, 3, 8)
    torch.nn.init.zeros_(block.projections.weight)
    torch.testing.assert_close(block(x, torch.zeros(2, 3, 3, dtype=torch.uint8)), x + block.output.bias)


def test_rows_that_are_asked_at_other_times_differ_at_the_last_place_alone() -> None:
    model = small()
    one, other = model.encode(asked([[1, 5, 9]] * 2, [10, 5000], [[1, 2, 3]] * 2))
    torch.testing.assert_close(one[:2], other[:2])
    assert not torch.allclose(one[2], other[2])


def test_who_goes_by_own_times_does_not_see_when_it_is_asked() -> None:
    one, other = small("own").encode(asked([[1, 5, 9]] * 2, [10, 5000], [[1, 2, 3]] * 2))
    torch.testing.assert_close(one, other)


def test_the_moment_after_an_item_is_the_next_ones_or_that_of_the_question() -> None:
    batch = Batch.of(torch.tensor([[1, 2, 3], [4, 0, 0]]), times=torch.tensor([[5, 7, 9], [8, 0, 0]]))
    moments = moments_after(replace(batch, asked_at=torch.tensor([[0, 0, 11], [12, 0, 0]])))
    assert moments[0].tolist() == [7, 9, 11]
    assert moments[1, 0] == 12


@pytest.mark.parametrize("num_layers", [0, 2])
def test_a_place_alone_has_the_state_that_it_has_beside_the_others(num_layers: int) -> None:
    model, places = small(num_layers=num_layers), torch.tensor([2, 0])
    batch = asked([[1, 5, 9], [2, 0, 0]], [10, 20], [[1, 2, 3], [4, 0, 0]])
    torch.testing.assert_close(model.encode_at(batch, places), model.encode(batch)[torch.arange(2), places])


@pytest.mark.parametrize("time_bias", ["own", "next"])
def test_a_batch_without_times_is_refused(time_bias: TimeBias) -> None:
    with pytest.raises(InputError, match="goes by times"):
        small(time_bias).encode(Batch.of(torch.tensor([[1, 2]])))


def test_an_unknown_time_bias_and_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match='no time_bias "owned"; did you mean "own"'):
        HSTU(9, time_bias="owned")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="dim 8 and 3 heads"):
        HSTU(9, dim=8, num_heads=3)


def test_the_size_is_that_of_its_parts() -> None:
    """Items, places, and a block of four maps without and one with biases, and two tables of biases."""
    block = 4 * 8 * 8 + 8 * 8 + 8 + 50 + 129
    assert sum(one.numel() for one in HSTU(100, dim=8).parameters()) == 101 * 8 + 50 * 8 + 2 * block


def test_its_recipe_is_of_cosines_with_a_temperature() -> None:
    recipe = make_recipe({"model": {"name": "HSTU"}})
    assert recipe.loss is not None
    assert recipe.training is not None
    assert (recipe.loss.name, recipe.loss.num_negatives, recipe.training.beta2) == ("info_nce", 128, 0.98)
    assert recipe.loss.keys(["temperature", "exclude_history"]) == {"temperature": 0.05, "exclude_history": False}
