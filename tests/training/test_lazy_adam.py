"""Lazy Adam: Adam where all rows are read, nothing where a row is not."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.training import lazy_adam
from nextitem.training.lazy_adam import LazyAdam

RATE, B1, B2, EPS = 0.1, 0.9, 0.999, 1e-8


def table_of(num_rows: int = 7, dim: int = 3, dtype: torch.dtype = torch.float64) -> nn.Parameter:
    return nn.Parameter(torch.randn(num_rows, dim, dtype=dtype))


def give(table: nn.Parameter, rows: list[int], values: Tensor) -> None:
    """A gradient whose `values` (n, D) stand at `rows`, which may repeat."""
    table.grad = torch.sparse_coo_tensor(
        torch.tensor([rows]).long(), values.to(table.dtype), table.shape, check_invariants=True
    )


def reference(table: Tensor, steps: list[tuple[list[int], Tensor]], weight_decay: float) -> Tensor:
    """Row by row, number by number, as the table in the module's docstring says."""
    found = table.tolist()
    first, second = ([[0.0] * table.shape[1] for _ in found] for _ in range(2))
    for t, (rows, values) in enumerate(steps, start=1):
        for row in set(rows):
            for column in range(table.shape[1]):
                places = [place for place, one in enumerate(rows) if one == row]
                g = sum(float(values[place, column]) for place in places) + weight_decay * found[row][column]
                first[row][column] = B1 * first[row][column] + (1 - B1) * g
                second[row][column] = B2 * second[row][column] + (1 - B2) * g * g
                ahead = first[row][column] / (1 - B1**t)
                found[row][column] -= RATE * ahead / (math.sqrt(second[row][column] / (1 - B2**t)) + EPS)
    return torch.tensor(found, dtype=table.dtype)


def test_a_row_that_is_first_read_late_moves_by_more_than_the_rate() -> None:
    """m = .1 g and v = .001 g^2 at step 2, corrected by 1 - .9^2 = .19 and 1 - .999^2 = .001999."""
    table = nn.Parameter(torch.zeros(2, 1, dtype=torch.float64))
    optimizer = LazyAdam([], [table], RATE)
    give(table, [0], torch.tensor([[5.0]]))
    optimizer.step()
    assert table.tolist() == [[pytest.approx(-RATE)], [0.0]]
    give(table, [1], torch.tensor([[5.0]]))
    optimizer.step()
    assert table.tolist() == [
        [pytest.approx(-RATE)],
        [pytest.approx(-RATE * (0.1 / 0.19) / math.sqrt(0.001 / 0.001999))],
    ]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 6), max_size=9), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([1, 2, 100]),
)
def test_equals_its_plain_form(rows_of_steps: list[list[int]], weight_decay: float, block: int) -> None:
    table = table_of()
    start = table.detach().clone()
    steps = [(rows, torch.randn(len(rows), 3, dtype=torch.float64)) for rows in rows_of_steps]
    optimizer = LazyAdam([], [table], RATE, weight_decay=weight_decay)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazy_adam, "BLOCK_ROWS", block)
        for rows, values in steps:
            give(table, rows, values)
            optimizer.step()
    torch.testing.assert_close(table.detach(), reference(start, steps, weight_decay), rtol=1e-10, atol=1e-12)


def test_equals_torchs_sparse_adam() -> None:
    """Which adds eps before it corrects the second moment, so here there is next to none."""
    table = table_of(num_rows=40)
    other = nn.Parameter(table.detach().clone())
    optimizer, theirs = LazyAdam([], [table], RATE, eps=1e-30), torch.optim.SparseAdam([other], RATE, eps=1e-30)
    for _ in range(6):
        rows, values = torch.randint(40, (25,)).tolist(), torch.randn(25, 3)
        for one in (table, other):
            give(one, rows, values)
        optimizer.step()
        theirs.step()
    torch.testing.assert_close(table, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_with_all_rows_read_it_is_adam_bit_for_bit(dtype: torch.dtype, weight_decay: float) -> None:
    table = table_of(num_rows=5000, dim=8, dtype=dtype)
    other = nn.Parameter(table.detach().clone())
    optimizer = LazyAdam([], [table], RATE, weight_decay=weight_decay)
    adam = torch.optim.Adam([other], RATE, weight_decay=weight_decay, fused=True)
    for _ in range(4):
        values = torch.randn(5000, 8, dtype=dtype)
        order = torch.randperm(5000)
        give(table, order.tolist(), values[order])
        other.grad = values
        optimizer.step()
        adam.step()
    assert torch.equal(table, other)


def test_dense_parameters_beside_tables_take_adams_steps() -> None:
    dense, table = nn.Parameter(torch.randn(4, 2)), table_of()
    other = nn.Parameter(dense.detach().clone())
    optimizer, adam = LazyAdam([dense], [table], RATE), torch.optim.Adam([other], RATE, fused=True)
    for _ in range(3):
        dense.grad = other.grad = torch.randn(4, 2)
        give(table, [1], torch.ones(1, 3))
        optimizer.step()
        adam.step()
    assert torch.equal(dense, other)


def test_rows_that_are_not_read_keep_their_value_and_their_moments() -> None:
    table = table_of()
    optimizer = LazyAdam([], [table], RATE, weight_decay=0.5)
    give(table, [0, 3], torch.ones(2, 3))
    optimizer.step()
    before = [table.detach().clone(), *(optimizer.state[table][name].clone() for name in ("exp_avg", "exp_avg_sq"))]
    give(table, [3, 5, 3], torch.ones(3, 3))
    optimizer.step()
    after = [table, optimizer.state[table]["exp_avg"], optimizer.state[table]["exp_avg_sq"]]
    for old, new in zip(before, after, strict=True):
        changed = (old != new).any(1)
        assert changed.tolist() == [False, False, False, True, False, True, False]


def test_its_state_can_be_put_back() -> None:
    table = table_of()
    optimizer = LazyAdam([], [table], RATE)
    give(table, [2], torch.ones(1, 3))
    optimizer.step()
    other = nn.Parameter(table.detach().clone())
    resumed = LazyAdam([], [other], RATE)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for one, its in ((table, optimizer), (other, resumed)):
        give(one, [2, 4], torch.full((2, 3), 0.5))
        its.step()
    assert torch.equal(table, other)


def test_a_closure_makes_the_gradients_and_its_loss_comes_back() -> None:
    table = nn.Embedding(3, 2, sparse=True)
    start = table.weight.detach().clone()

    def closure() -> float:
        loss = table(torch.tensor([1])).sum()
        loss.backward()
        return loss.item()

    assert LazyAdam([], [table.weight]).step(closure) == pytest.approx(start[1].sum().item())
    assert (table.weight != start).any(1).tolist() == [False, True, False]


def test_a_table_with_a_dense_gradient_is_refused() -> None:
    table = table_of()
    table.grad = torch.ones_like(table)
    with pytest.raises(InputError, match=r"every row of a 7 x 3 table has a gradient; take adam"):
        LazyAdam([], [table]).step()


def test_a_gradient_without_rows_is_a_step_that_moves_nothing() -> None:
    table = table_of()
    start = table.detach().clone()
    optimizer = LazyAdam([], [table], RATE)
    give(table, [], torch.zeros(0, 3))
    optimizer.step()
    assert torch.equal(table, start)
    assert optimizer.state[table]["step"] == 1


def test_gradients_of_an_embedding_and_of_a_lookup_add_up() -> None:
    """A tied table: the same rows read twice in one step."""
    table = nn.Embedding(6, 2, padding_idx=0, sparse=True)
    dense = nn.Embedding(6, 2, padding_idx=0)
    dense.load_state_dict(table.state_dict())
    optimizer, adam = LazyAdam([], [table.weight], RATE), torch.optim.Adam(dense.parameters(), RATE)
    items = torch.tensor([0, 1, 2, 2])
    for one, its in ((table, optimizer), (dense, adam)):
        looked_up = F.embedding(torch.tensor([2, 3]), one.weight, sparse=one.sparse)
        (one(items).square().sum() + looked_up.sum()).backward()
        its.step()
    torch.testing.assert_close(table.weight, dense.weight)
