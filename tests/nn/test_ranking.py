"""The loop of ranks by products: its counts are those of all scores, held and compared, to the last bit.

Sizes: B queries, V items, D dim, M targets.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.kernels.ranking import rank_products
from nextitem.nn.kernels.scoring import scores_by_item


def counts(scores: Tensor, targets: Tensor, seen: list[list[int]], spares_targets: bool) -> tuple[Tensor, ...]:
    """Case by case and target by target, by the scores themselves (V, B)."""
    above, equal = (torch.zeros(targets.shape, dtype=torch.int32) for _ in range(2))
    is_seen = torch.zeros(targets.shape, dtype=torch.bool)
    for row, wanted in enumerate(targets.tolist()):
        own = scores[:, row]
        out = set(seen[row]) - (set(wanted) if spares_targets else set())
        left = [item for item in range(1, len(own)) if item not in out]
        for place, target in enumerate(wanted):
            if target in out:
                is_seen[row, place] = True
            elif target:
                above[row, place] = sum(bool(own[item] > own[target]) for item in left)
                equal[row, place] = sum(bool(own[item] == own[target]) for item in left)
    num_seen = [len(set(one) - set(wanted)) for one, wanted in zip(seen, targets.tolist(), strict=True)]
    return above, equal, is_seen, torch.tensor(num_seen)


def flat(seen: list[list[int]]) -> tuple[Tensor, Tensor]:
    starts = torch.tensor([0, *(len(one) for one in seen)]).cumsum(0)
    return starts, torch.tensor([item for one in seen for item in one], dtype=torch.int64)


@settings(deadline=None, max_examples=60)
@given(
    num_queries=st.integers(1, 5) | st.sampled_from([63, 64, 65, 130]),
    num_items=st.integers(2, 20) | st.sampled_from([63, 64, 65, 129]),
    dim=st.sampled_from([1, 3, 16, 50, 64]),
    num_targets=st.integers(1, 3),
    spares_targets=st.booleans(),
    is_whole=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_counts_are_those_of_the_scores(
    num_queries: int, num_items: int, dim: int, num_targets: int, spares_targets: bool, is_whole: bool, seed: int
) -> None:
    """Whole numbers give ties; of others an item's vector stands twice, and its products are equal to the bit."""
    generator = torch.Generator().manual_seed(seed)
    queries, vectors = (torch.randn(n, dim, generator=generator) for n in (num_queries, num_items))
    if is_whole:
        queries, vectors = queries.round(), vectors.round()
    vectors[-1] = vectors[1]
    targets = torch.rand(num_queries, num_items, generator=generator).argsort(1)[:, :num_targets]  # distinct, or PAD
    seen = [
        torch.randint(1, num_items, (int(n),), generator=generator).tolist()
        for n in torch.randint(0, 5, (num_queries,), generator=generator)
    ]
    wanted = counts(scores_by_item(vectors, queries), targets, seen, spares_targets)
    *found, has_nan = rank_products(vectors, queries, targets, flat(seen), spares_targets)
    assert not has_nan
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_counts_do_not_depend_on_threads(threads: int) -> None:
    generator = torch.Generator().manual_seed(0)
    queries, vectors = (torch.randn(n, 8, generator=generator) for n in (200, 300))
    targets, seen = torch.randint(1, 300, (200, 2), generator=generator), flat([[1, 2, 2]] * 200)
    before = torch.get_num_threads()
    first = rank_products(vectors, queries, targets, seen, False)
    torch.set_num_threads(threads)
    again = rank_products(vectors, queries, targets, seen, False)
    torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(first[:4], again[:4], strict=True))


@pytest.mark.parametrize(("item", "has"), [(0, False), (1, True), (5, True), (69, True)])
def test_a_product_that_is_no_number_is_told(item: int, has: bool) -> None:
    """Also a seen item's; never the padding's."""
    vectors = torch.ones(70, 4)
    vectors[item, 2] = torch.nan
    found = rank_products(vectors, torch.ones(3, 4), torch.tensor([[2], [3], [4]]), flat([[1], [1], [1]]), False)
    assert found[4] is has


def test_infinite_vectors_are_no_nan_beyond_the_queries() -> None:
    """Lanes that are no query's multiply zeros with them."""
    vectors = torch.ones(20, 4)
    vectors[7] = torch.inf
    targets = torch.tensor([[2]] * 3)
    above, equal, is_seen, _, has_nan = rank_products(vectors, torch.ones(3, 4), targets, flat([[]] * 3), False)
    assert (above.tolist(), equal.tolist(), is_seen.any().item(), has_nan) == ([[1]] * 3, [[18]] * 3, False, False)
