"""Losses of triples: pure functions of scores, higher is better, and one over all entities.

true (B,) scores of triples, untrue (B, n) of what was made of them by another head or tail -> scalar. The logistic loss
of pairs, softplus(untrue - true), is `bpr` of nn/losses; that of single triples is `binary_cross_entropy` there.

Sizes: B triples, n untrue ones for each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.errors import InputError
from nextitem.nn.losses.full_score import full_cross_entropy
from nextitem.nn.losses.reduction import mean_over_targets
from nextitem.nn.scorers import VectorScorer
from nextitem.nn.triples.scorer import TripleScorer


def margin_ranking(true: Tensor, untrue: Tensor, *, margin: float = 1.0) -> Tensor:
    """Margin ranking: max(0, margin + untrue - true), the mean over all pairs; Bordes et al. 2013, with its margin."""
    return F.relu(margin + untrue - true[:, None]).mean()


def self_adversarial(
    true: Tensor, untrue: Tensor, *, margin: float = 6.0, temperature: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Self-adversarial negative sampling: half of -log s(margin + true) - sum of p log s(-margin - untrue), s sigmoid.

    p = softmax(temperature * untrue), a constant to autograd: the more plausible an untrue triple, the more it counts.
    Sun et al. 2019, arXiv:1902.10197. For scores that are distances, negated; `margin` is 0 for products. weight (B,):
    the loss is then sum(weight * values) / sum(weight).
    """
    shares = (temperature * untrue).softmax(1).detach()
    values = F.softplus(-margin - true) + (shares * F.softplus(margin + untrue)).sum(1)
    return mean_over_targets(0.5 * values, weight)


def full_over_tails(scorer: TripleScorer, triples: Tensor) -> Tensor:
    """Full cross-entropy: -log softmax(scores of all entities)[tail], the mean over triples (B, 3), block by block.

    Raises:
        InputError: a scorer whose scores are no inner products, or whose entities have a place for each relation.
    """
    heads, relations, tails = triples.unbind(1)
    return _full(scorer, scorer.after(scorer.place(heads, relations), relations), tails)


def full_over_heads(scorer: TripleScorer, triples: Tensor) -> Tensor:
    """Full cross-entropy over heads: -log softmax(scores of all entities)[head], the mean over triples (B, 3).

    Raises:
        InputError: a scorer whose scores are no inner products, or whose entities have a place for each relation.
    """
    heads, relations, tails = triples.unbind(1)
    return _full(scorer, scorer.before(scorer.place(tails, relations), relations), heads)


def _full(scorer: TripleScorer, queries: Tensor, targets: Tensor) -> Tensor:
    if scorer.is_placed or not isinstance(scorer.measure, VectorScorer):
        raise InputError(
            f"the full loss is for scores that are inner products (DistMult, ComplEx), found {type(scorer).__name__}; "
            "take self_adversarial or margin"
        )
    queries, vectors = scorer.measure.map(queries, scorer.entities.weight[1:])
    return full_cross_entropy(queries, vectors, targets - 1)


def rarity(triples: Tensor, num_relations: int) -> Tensor:
    """(B, 3) all triples of training -> (B,): 1 / sqrt(c(h, r) + c(r, t)), by which RotatE's code weighs a triple.

    c counts the triples that share head and relation, or relation and tail, from 4: once is 4, twice 5.
    """
    heads, relations, tails = triples.unbind(1)
    total = torch.zeros(len(triples))
    for ends in (heads, tails):
        _, place, counts = torch.unique(ends * (num_relations + 1) + relations, return_inverse=True, return_counts=True)
        total += counts[place] + 3
    return total.rsqrt()
