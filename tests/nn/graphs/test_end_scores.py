"""Scores of edges that are sums over their ends, against the formula edge by edge."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.graphs.edges import Edges
from nextitem.nn.graphs.end_scores import ScoredByEnds

NODES, RELATIONS, DIM = 9, 3, 4


def graph(count: int) -> ScoredByEnds:
    """Of repeats, loops and nodes without edges, as they come."""
    generator = torch.Generator().manual_seed(count)
    heads, tails, relations = (
        torch.randint(bound, (count,), generator=generator) for bound in (NODES, NODES - 2, RELATIONS)
    )
    return ScoredByEnds(Edges(heads, tails, NODES, relations=relations, num_relations=RELATIONS))


def vectors(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    sizes = (NODES, DIM), (RELATIONS, DIM), (RELATIONS, DIM), (RELATIONS,)
    return [torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for size in sizes]


def looped(edges: Edges, x: Tensor, of_heads: Tensor, of_tails: Tensor, biases: Tensor) -> Tensor:
    assert edges.relations is not None
    triples = zip(edges.heads.tolist(), edges.relations.tolist(), edges.tails.tolist(), strict=True)
    return torch.stack([of_heads[r] @ x[h] + of_tails[r] @ x[t] + biases[r] for h, r, t in triples])


def test_they_are_those_of_the_formula_and_so_are_their_gradients() -> None:
    scored, given = graph(60), vectors()
    found, wanted = scored.scores(*given), looped(scored.edges, *given)
    torch.testing.assert_close(found, wanted)
    upstream = torch.linspace(-1, 1, 60, dtype=torch.float64)
    for ours, theirs in zip(*(torch.autograd.grad(one, given, upstream) for one in (found, wanted)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_compiled_form_equals_them() -> None:
    scored = graph(60)
    found = scored.scores(*vectors(torch.float32)).double()
    torch.testing.assert_close(found, looped(scored.edges, *vectors()), rtol=1e-5, atol=1e-5)


def test_a_part_of_the_edges_has_the_scores_that_they_have_in_the_whole() -> None:
    scored, given = graph(60), vectors()
    whole, is_kept = scored.scores(*given), torch.arange(60) % 3 > 0
    assert torch.equal(scored.kept(is_kept).scores(*given), whole[is_kept])
    assert torch.equal(scored.of_first_heads(4).scores(*given), whole[scored.edges.heads < 4])
    assert torch.equal(scored.kept(is_kept).of_first_heads(4).scores(*given), whole[is_kept & (scored.edges.heads < 4)])


def test_a_pair_of_node_and_relation_is_there_once() -> None:
    """Node 0 has two edges by relation 0, node 1 is at the tail of one of them and has one by relation 1."""
    heads, tails, relations = torch.tensor([0, 0, 1]), torch.tensor([1, 2, 2]), torch.tensor([0, 0, 1])
    scored = ScoredByEnds(Edges(heads, tails, 3, relations=relations))
    pairs = list(zip(scored.pairs.heads.tolist(), scored.pairs.tails.tolist(), strict=True))
    assert pairs == [(0, 0), (1, 1), (1, 2), (2, 2), (2, 3)]
    assert scored.at_heads.tolist() == [0, 0, 1]
    assert scored.at_tails.tolist() == [2, 3, 4]


def test_a_graph_without_edges_has_no_scores() -> None:
    assert graph(0).scores(*vectors()).shape == (0,)


@pytest.mark.parametrize("more", [{}, {"relations": torch.zeros(2, dtype=torch.int64), "num_tails": 5}])
def test_other_graphs_are_refused(more: dict[str, Tensor]) -> None:
    ends = torch.tensor([0, 1])
    with pytest.raises(InputError, match="edges with relations among the same nodes"):
        ScoredByEnds(Edges(ends, ends, 3, **more))  # type: ignore[arg-type]
