"""Losses of triples: by hand, and the full ones against cross-entropy of all scores."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from nextitem.errors import InputError
from nextitem.nn.triples import ComplEx, DistMult, RotatE, TripleScorer
from nextitem.nn.triples.losses import full_over_heads, full_over_tails, margin_ranking, rarity, self_adversarial

TRIPLES = torch.tensor([[1, 1, 2], [1, 1, 3], [4, 2, 3], [5, 2, 1]])


def test_self_adversarial_by_hand() -> None:
    true, untrue = torch.tensor([-1.0]), torch.tensor([[-2.0, -5.0]])
    loss = self_adversarial(true, untrue, margin=4.0, temperature=1.0)
    assert loss.item() == pytest.approx(1.044750, abs=1e-6)


def test_self_adversarial_weighs_triples() -> None:
    true, untrue = torch.tensor([-1.0, -3.0]), torch.tensor([[-2.0, -5.0], [-1.0, -4.0]])
    one, other = (self_adversarial(true[[n]], untrue[[n]]).item() for n in range(2))
    loss = self_adversarial(true, untrue, weight=torch.tensor([3.0, 1.0]))
    assert loss.item() == pytest.approx((3 * one + other) / 4)


def test_shares_of_untrue_triples_have_no_gradient() -> None:
    untrue = torch.tensor([[-2.0, -5.0]], requires_grad=True)
    self_adversarial(torch.tensor([-1.0]), untrue, margin=4.0).backward()
    assert untrue.grad is not None
    wanted = 0.5 * (untrue.detach()).softmax(1) * torch.sigmoid(4.0 + untrue.detach())
    torch.testing.assert_close(untrue.grad, wanted)


def test_margin_ranking_by_hand() -> None:
    assert margin_ranking(torch.tensor([-1.0]), torch.tensor([[-1.5, -4.0]]), margin=1.0).item() == 0.25


@pytest.mark.parametrize("kind", [DistMult, ComplEx])
def test_full_losses_are_cross_entropies_of_all_scores(kind: type[TripleScorer]) -> None:
    torch.manual_seed(0)
    scorer = kind(6, 2, 4)  # type: ignore[call-arg]
    heads, relations, tails = TRIPLES.unbind(1)
    for found, scores, targets in (
        (full_over_tails(scorer, TRIPLES), scorer.against_tails(heads, relations), tails),
        (full_over_heads(scorer, TRIPLES), scorer.against_heads(relations, tails), heads),
    ):
        wanted = F.cross_entropy(scores, targets)
        torch.testing.assert_close(found, wanted)
        grads = (torch.autograd.grad(one, [*scorer.parameters()]) for one in (found, wanted))
        for one, other in zip(*grads, strict=True):
            torch.testing.assert_close(one, other)


def test_a_full_loss_of_distances_is_refused() -> None:
    with pytest.raises(InputError, match=r"inner products \(DistMult, ComplEx\), found RotatE"):
        full_over_tails(RotatE(6, 2, 4), TRIPLES)


def test_rare_triples_weigh_more() -> None:
    counts = [5 + 4, 5 + 4, 4 + 4, 4 + 4]  # of (h, r) from 4, and of (r, t)
    assert rarity(TRIPLES, 2).tolist() == pytest.approx([count**-0.5 for count in counts])
