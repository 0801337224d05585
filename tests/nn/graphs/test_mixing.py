"""Mixing: rows and mixes by hand, the compiled form against the plain one, and what has no gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nextitem.errors import InputError
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.mixing import MIXES, compiled_mixes, plain_mixes, rows_and_mixes
from nextitem.nn.kernels.choose import plain

NODES, ROWS = torch.tensor([2, 1, 2, 4, 0]), torch.tensor([1, 0, 0, 1, 0])


def graph() -> Edges:
    """Node 1 has one edge, node 2 three, of which two are by the same relation; 0, 3 and 4 have none."""
    heads, tails, relations = torch.tensor([[1, 4, 1], [2, 1, 0], [2, 3, 1], [2, 4, 0]]).T
    return Edges(heads, tails, 5, relations=relations, num_relations=2)


def given(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = (torch.randn(size, generator=generator, dtype=torch.float64) for size in ((5, 6), (2, 2)))
    table, scores = (one.to(dtype).requires_grad_() for one in made)
    return table, scores


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("divides", [False, True])
def test_a_mix_is_the_sum_of_neighbours_by_their_shares(dtype: torch.dtype, divides: bool) -> None:
    table, scores = given(dtype)
    own, mixed = rows_and_mixes(table, scores, NODES, ROWS, graph(), divides=divides)
    assert torch.equal(own, table[NODES])
    shares = scores[1, [0, 1, 0]].softmax(0) / (3 if divides else 1)
    torch.testing.assert_close(mixed[0], shares @ table[[1, 3, 4]])
    torch.testing.assert_close(mixed[1], table[4])
    assert not mixed[3:].any()


def results_of(form: Any, dtype: torch.dtype, divides: bool) -> list[torch.Tensor]:
    """Rows, mixes, and the gradients of the table and of the scores."""
    leaves = given(dtype)
    own, mixed = form(*leaves, NODES, ROWS, graph(), divides)
    gradients = torch.autograd.grad(own.square().sum() + mixed.sin().sum(), leaves)
    return [own, mixed, *gradients]


@pytest.mark.parametrize("divides", [False, True])
def test_the_compiled_form_has_the_gradients_of_the_plain_one(divides: bool) -> None:
    found, wanted = (
        results_of(form, dtype, divides)
        for form, dtype in ((compiled_mixes, torch.float32), (plain_mixes, torch.float64))
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.double(), other.double(), rtol=1e-5, atol=1e-6)
    assert found[2][1:].any()
    assert not found[2][0].any()  # the padding's
    assert not wanted[2][0].any()


def test_the_examples_of_the_kernels_agree() -> None:
    assert MIXES.fault(True) == ""


def test_gradients_of_gradients_are_refused_but_of_the_plain_form() -> None:
    table, scores = given(torch.float32)
    with pytest.raises(InputError, match="Mixes has first derivatives only"):
        torch.autograd.grad(rows_and_mixes(table, scores, NODES, ROWS, graph())[1].sum(), table, create_graph=True)
    with plain():
        mixed = rows_and_mixes(table, scores, NODES, ROWS, graph())[1]
        (by_table,) = torch.autograd.grad(mixed.square().sum(), table, create_graph=True)
        assert torch.autograd.grad(by_table.sum(), scores)[0].any()
