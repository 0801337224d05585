"""Full cross-entropy of bf16 products: as its definition says, near to float32's, and float32's where there are no
units.

Sizes: N targets, D dim, V items.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nextitem.nn.kernels import bf16
from nextitem.nn.kernels.bf16 import bf16_products
from nextitem.nn.kernels.softmax_bf16 import walk_bf16
from nextitem.nn.losses import full_cross_entropy, full_score

wants_units = pytest.mark.skipif(full_score.BF16 is None, reason="a processor with fast bf16 units")
Walked = tuple[Tensor, Tensor, Tensor, Tensor]


def asked(num_targets: int, num_items: int, dim: int, seed: int, size: float = 1.0) -> tuple[Tensor, ...]:
    """What the walks take: queries, vectors, targets, shares, reference."""
    generator = torch.Generator().manual_seed(seed)
    queries, vectors = (torch.randn(n, dim, generator=generator) * size for n in (num_targets, num_items))
    targets = torch.randint(num_items, (num_targets,), generator=generator)
    shares = torch.rand(num_targets, generator=generator, dtype=torch.float64)
    return queries, vectors, targets, shares, (queries * vectors[targets]).sum(1) + 1.0


def values_of(queries: Tensor, vectors: Tensor, targets: Tensor) -> list[Tensor]:
    """The loss and the gradients of both inputs."""
    one, other = (x.detach().clone().requires_grad_() for x in (queries, vectors))
    loss = full_cross_entropy(one, other, targets)
    return [loss.detach(), *torch.autograd.grad(loss, (one, other))]


def by_loops(queries: Tensor, vectors: Tensor, targets: Tensor, shares: Tensor, reference: Tensor) -> Walked:
    """Number by number, in float64; what is rounded is rounded to eight digits."""

    def near(x: float) -> float:
        return float(torch.tensor(x, dtype=torch.float32).to(torch.bfloat16))

    q, v = queries.tolist(), vectors.tolist()
    query_grad, vector_grad = (torch.zeros(x.shape, dtype=torch.float64) for x in (queries, vectors))
    totals, probabilities = (torch.zeros(len(q), dtype=torch.float64) for _ in range(2))
    for n, query in enumerate(q):
        scores = [sum(near(a) * near(b) for a, b in zip(query, one, strict=True)) for one in v]
        powers = [float(torch.tensor(s - float(reference[n])).exp()) for s in scores]
        target, totals[n] = int(targets[n]), sum(powers)
        probabilities[n] = powers[target] / totals[n]
        factor, own = float(shares[n] / totals[n]), float(shares[n] * (probabilities[n] - 1))
        for item, power in enumerate(powers):
            kept = 0.0 if item == target else near(power)
            for e in range(len(query)):
                query_grad[n, e] += factor * kept * near(v[item][e])
                vector_grad[item, e] += kept * near(query[e] * factor)
        for e in range(len(query)):
            query_grad[n, e] += own * v[target][e]
            vector_grad[target, e] += own * query[e]
    return query_grad, vector_grad, probabilities, totals


def test_the_definition_is_that_of_loops() -> None:
    given_ = asked(5, 9, 3, seed=1)
    for found, wanted in zip(full_score.walk_bf16_plain(*given_), by_loops(*given_), strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-6)


@wants_units
@settings(deadline=None)
@given(
    num_targets=st.integers(1, 20) | st.sampled_from([40, 63, 64, 65, 150]),
    num_items=st.integers(1, 20) | st.sampled_from([127, 128, 129, 3000]),
    dim=st.sampled_from([1, 3, 16, 32, 48, 50, 64, 80, 256]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_compiled_form_is_the_definition(num_targets: int, num_items: int, dim: int, seed: int) -> None:
    given_ = asked(num_targets, num_items, dim, seed, size=2 / dim**0.25)
    found, wanted = (walk(*given_) for walk in (walk_bf16, full_score.walk_bf16_plain))
    # A target nearly certain has a gradient that is a difference of such terms; float32 holds no difference better.
    terms = (float(given_[1].abs().max()), float(given_[0].abs().max()), 1.0, 1.0)
    for one, other, term in zip(found, wanted, terms, strict=True):
        # An exponential half-way between two bf16 numbers may fall to either; most do not.
        largest = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=2**-7 * largest + 3e-6 * term)
        assert float((one - other).abs().double().median()) < 2e-5 * largest + 3e-6 * term


@wants_units
def test_gradients_are_within_a_rounding_of_float32s() -> None:
    queries, vectors, targets = asked(150, 3000, 64, seed=0, size=0.5)[:3]
    exact = values_of(queries, vectors, targets)
    with bf16_products():
        found = values_of(queries, vectors, targets)
    assert any(not torch.equal(one, other) for one, other in zip(found, exact, strict=True))
    for one, other in zip(found, exact, strict=True):
        assert float((one - other).norm() / other.norm()) < 2**-8


@wants_units
def test_weights_do_not_depend_on_the_number_of_threads() -> None:
    given_ = asked(100, 999, 20, seed=3)
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(walk_bf16(*given_))
    torch.set_num_threads(before)
    assert all(torch.equal(one, other) for some in found[1:] for one, other in zip(some, found[0], strict=True))


@wants_units
@pytest.mark.parametrize("size", [1e-20, 1.0, 30.0, 200.0])
def test_no_size_of_the_numbers_ends_in_infinity(size: float) -> None:
    """Products up to a million: by far more than a rounding apart, and past what an exponential holds."""
    queries, vectors, targets = asked(40, 300, 64, seed=5, size=size)[:3]
    with bf16_products():
        found = values_of(queries, vectors, targets)
    assert all(bool(one.isfinite().all()) for one in found)
    exact = values_of(queries, vectors, targets)
    assert float(found[0]) == pytest.approx(float(exact[0]), rel=0.02)


def test_without_units_products_stay_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_score, "BF16", None)
    queries, vectors, targets = asked(9, 50, 8, seed=2)[:3]
    before = values_of(queries, vectors, targets)
    with bf16_products():
        found = values_of(queries, vectors, targets)
    assert all(torch.equal(one, other) for one, other in zip(found, before, strict=True))


def test_products_are_asked_for_inside_alone() -> None:
    assert not bf16.are_wanted()
    with bf16_products():
        assert bf16.are_wanted()
        with bf16_products(False):
            assert not bf16.are_wanted()
    assert not bf16.are_wanted()


@pytest.mark.parametrize(
    ("processor", "features", "has"),
    [
        ("znver4", "+avx512f,+avx512bf16", True),
        ("znver4", "+avx512f,-avx512bf16", False),
        ("znver3", "+avx2", False),
        ("sapphirerapids", "+avx512f,+avx512bf16,+amx-bf16", False),
    ],
)
def test_units_are_those_that_are_faster(
    processor: str, features: str, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bf16, "target_of_kernels", lambda: {"processor": processor, "features": features})
    bf16.has_units.cache_clear()
    assert bf16.has_units() == has
    assert processor in bf16.why_no_units()
    bf16.has_units.cache_clear()
