"""Distance correlation, by hand and by a plain loop."""

from __future__ import annotations

import pytest
import torch

from nextitem.nn.losses.independence import distance_correlation


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
