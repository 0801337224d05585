"""What stands at the ends of edges: a gather, with its gradient."""

from __future__ import annotations

import pytest
import torch

from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.ends import at_heads, at_tails


@pytest.mark.parametrize("count", [0, 30])
def test_they_are_rows_by_number_and_so_are_their_gradients(count: int) -> None:
    torch.manual_seed(0)
    edges = Edges(torch.randint(5, (count,)), torch.randint(1, 7, (count,)), 6, num_tails=8)
    for found, ends, num_nodes in ((at_heads, edges.heads, 6), (at_tails, edges.tails, 8)):
        x = torch.randn(num_nodes, 3, dtype=torch.float64, requires_grad=True)
        weights = torch.randn(count, 3, dtype=torch.float64)
        assert torch.equal(found(edges, x), x[ends.long()])
        (gradient,) = torch.autograd.grad((found(edges, x) * weights).sum(), x)
        (wanted,) = torch.autograd.grad((x[ends.long()] * weights).sum(), x)
        torch.testing.assert_close(gradient, wanted)
