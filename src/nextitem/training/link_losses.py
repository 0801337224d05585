"""What a batch of triples costs: by untrue triples that are drawn, or by all entities.

Sizes: B triples, n untrue ones for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches.triples import TripleSampler
from nextitem.nn.losses.pairwise_ranking import bpr
from nextitem.nn.triples.inverses import WithInverses
from nextitem.nn.triples.losses import full_over_heads, full_over_tails, margin_ranking, self_adversarial
from nextitem.nn.triples.scorer import TripleScorer

SampledName = Literal["self_adversarial", "margin", "logistic"]
LinkLossName = Literal["self_adversarial", "margin", "logistic", "full"]


class LinkLoss(Protocol):
    """What a batch costs and, before a step, what it asks of the tables."""

    def __call__(self, rows: np.ndarray, step: int, rng: np.random.Generator) -> Tensor:
        """Places of triples in train (B,) -> scalar; `step` counts from 0 within an epoch."""

    def before_step(self) -> None:
        """What the loss asks of the tables."""


@dataclass(frozen=True)
class SampledLoss:
    """True triples beside untrue ones.

    Where `alternates`, odd steps replace heads and even ones tails, as RotatE's code does; else the sampler says which
    end of a triple it is.
    """

    scorer: TripleScorer
    sampler: TripleSampler
    name: SampledName
    num_untrue: int
    margin: float
    temperature: float
    alternates: bool
    weights: Tensor  # of all triples of train; looked at by self_adversarial alone

    def before_step(self) -> None:
        """Bounds the lengths of entities for `margin`, which would otherwise fall as vectors grow."""
        if self.name == "margin":
            self.scorer.constrain()

    def __call__(self, rows: np.ndarray, step: int, rng: np.random.Generator) -> Tensor:
        triples = self.sampler.triples[rows]
        is_head = np.full(len(rows), step % 2 == 1) if self.alternates else self.sampler.sides(triples, rng)
        order = np.argsort(is_head, kind="stable")  # tails are replaced in the first ones
        rows, triples, is_head = rows[order], triples[order], is_head[order]
        ends = torch.from_numpy(self.sampler.untrue(triples, is_head, self.num_untrue, rng))
        heads, relations, tails = torch.from_numpy(triples).unbind(1)
        true = self.scorer(heads, relations, tails)
        cut = len(rows) - int(is_head.sum())
        heads, relations, tails = heads[:, None], relations[:, None], tails[:, None]
        untrue = torch.cat([
            self.scorer(heads[:cut], relations[:cut], ends[:cut]),
            self.scorer(ends[cut:], relations[cut:], tails[cut:]),
        ])  # fmt: skip
        match self.name:
            case "margin":
                return margin_ranking(true, untrue, margin=self.margin)
            case "logistic":
                return bpr(true, untrue)
            case "self_adversarial":
                weight = self.weights[torch.from_numpy(rows)]
                return self_adversarial(
                    true, untrue, margin=self.margin, temperature=self.temperature, weight=weight
                )  # fmt: skip


@dataclass(frozen=True)
class FullLoss:
    """Cross-entropy over all entities, for the tail and for the head.

    `cubes` weighs the cubed magnitudes of the vectors of a triple.
    """

    model: TripleScorer | WithInverses
    triples: Tensor  # (E, 3) of train
    cubes: float

    def before_step(self) -> None:
        """Nothing."""

    def __call__(self, rows: np.ndarray, step: int, rng: np.random.Generator) -> Tensor:
        triples, scorer = self.triples[torch.from_numpy(rows)], self.model
        if isinstance(scorer, WithInverses):
            triples, scorer = scorer.both_ways(triples), scorer.scorer
            loss = full_over_tails(scorer, triples)
        else:
            loss = 0.5 * (full_over_tails(scorer, triples) + full_over_heads(scorer, triples))
        return loss + self.cubes * scorer.cubes(*triples.unbind(1)) if self.cubes else loss
