"""Distance correlation by hand and by a plain loop; the Hilbert-Schmidt independence criterion by its definition."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from nextitem.nn.losses.independence import distance_correlation, hsic


def test_a_line_and_a_turn_by_hand() -> None:
    found = distance_correlation(torch.tensor([[0.0, 1, 3], [0, 2, 6], [1, 0, 2]], dtype=torch.float64))
    assert found[0, 1].item() == pytest.approx(1.0, abs=1e-6)
    assert found[0, 2].item() == pytest.approx(0.880100, abs=1e-6)
    torch.testing.assert_close(found, found.T)


def test_numbers_that_are_all_alike_depend_on_nothing_and_have_a_gradient() -> None:
    vectors = torch.tensor([[2.0, 2.0, 2.0], [0.0, 1.0, 3.0]], requires_grad=True)
    found = distance_correlation(vectors)
    found.sum().backward()
    assert found[0, 1].item() < 0.9
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def test_it_is_that_of_a_plain_loop() -> None:
    torch.manual_seed(0)
    vectors = torch.randn(4, 6).double()
    centred = []
    for one in vectors:
        distances = torch.tensor([[((a - b) ** 2 + 1e-8) ** 0.5 for b in one.tolist()] for a in one.tolist()]).double()
        centred.append(distances - distances.mean(0) - distances.mean(1)[:, None] + distances.mean())
    for i, a in enumerate(centred):
        for j, b in enumerate(centred):
            cov_ab, cov_aa, cov_bb = (((x * y).mean().clamp(min=0) + 1e-8).sqrt() for x, y in ((a, b), (a, a), (b, b)))
            wanted = cov_ab / (cov_aa * cov_bb + 1e-8).sqrt()
            torch.testing.assert_close(distance_correlation(vectors)[i, j], wanted, rtol=1e-6, atol=1e-6)


def test_the_criterion_is_the_trace_of_centred_kernels() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(9, 4, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)
    k, m = (((F.normalize(x) @ F.normalize(x).T - 1) / 0.7).exp() for x in (one, other))
    centre = torch.eye(9, dtype=torch.float64) - 1 / 9
    torch.testing.assert_close(hsic(one, other, 0.7), torch.trace(k @ centre @ m @ centre) / 64)
    code = torch.trace(k @ m) / 81 + k.mean() * m.mean() - 2 * (k @ m).mean() / 9  # as the code of GBSR has it
    torch.testing.assert_close(hsic(one, other, 0.7), code * (9 / 8) ** 2)


def test_lengths_and_the_order_of_rows_do_not_matter() -> None:
    torch.manual_seed(0)
    one, other, order = torch.randn(6, 4), torch.randn(6, 4), torch.randperm(6)
    torch.testing.assert_close(hsic(one, other, 0.5), hsic(3 * one[order], other[order], 0.5))


def test_views_that_say_nothing_do_not_depend() -> None:
    rows = torch.randn(5, 3)
    assert float(hsic(rows, torch.ones(5, 3), 0.5)) == pytest.approx(0.0, abs=1e-6)
    assert float(hsic(rows[:1], rows[:1], 0.5)) == 0.0
