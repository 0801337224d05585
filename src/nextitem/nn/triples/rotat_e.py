"""RotatE: a relation turns each complex number of the head by an angle.

Sun et al., "RotatE: Knowledge Graph Embedding by Relational Rotation in Complex Space", ICLR 2019, arXiv:1902.10197.
Code followed: DeepGraphLearning/KnowledgeGraphEmbedding. Its score is margin + this one; here the margin is the loss's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nextitem.nn.scorers import Scorer
from nextitem.nn.triples.complex_pairs import check_pairs, moduli, product
from nextitem.nn.triples.scorer import TripleScorer

BLOCK = 2**20  # numbers of a block of differences: it stays in the cache


class Moduli(Scorer):
    """-sum of |q - v| over complex numbers: neither of the usual norms of the real ones."""

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return -moduli(queries - vectors).sum(-1)

    def all(self, queries: Tensor, vectors: Tensor) -> Tensor:
        rows = max(1, BLOCK // max(1, queries.numel()))
        parts = [self.match(queries.unsqueeze(-2), block) for block in torch.split(vectors, rows)]
        return torch.cat(parts, -1)


class RotatE(TripleScorer):
    """RotatE: -sum of |h e^(i r) - t| over complex numbers; `dim` counts real numbers of an entity, so dim / 2 angles.

    An angle is kept in the entities' unit: `spread` is half a turn, so that one learning rate suits both tables. None:
    8 / (dim / 2), the code's for a margin of 6.
    """

    def __init__(
        self,
        num_entities: int,
        num_relations: int,
        dim: int = 100,
        *,
        entities: nn.Embedding | None = None,
        spread: float | None = None,
    ) -> None:
        check_pairs("RotatE", dim)
        spread = 16.0 / dim if spread is None else spread
        super().__init__(num_entities, num_relations, dim, dim // 2, measure=Moduli(), entities=entities, spread=spread)

    def turns(self, relations: Tensor) -> Tensor:
        """Numbers (...) -> (..., D): complex numbers of modulus 1."""
        angles = self.relations(relations) * (math.pi / self.spread)
        return torch.cat([angles.cos(), angles.sin()], -1)

    def after(self, heads: Tensor, relations: Tensor) -> Tensor:
        return product(self.turns(relations), heads)

    def before(self, tails: Tensor, relations: Tensor) -> Tensor:
        return product(self.turns(relations), tails, conjugates=True)

    def magnitudes(self, vectors: Tensor) -> Tensor:
        return moduli(vectors)
