"""TransE: a relation is a step from the head to the tail.

Bordes et al., "Translating Embeddings for Modeling Multi-relational Data", NIPS 2013.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from nextitem.nn.scorers import Norm
from nextitem.nn.triples.scorer import TripleScorer


class TransE(TripleScorer):
    """TransE: -|h + r - t|_p, with p = 1 or 2.

    The paper's entities are of length 1 (`constrain`, before each step) and its relations are to begin with.
    """

    def __init__(
        self,
        num_entities: int,
        num_relations: int,
        dim: int = 100,
        *,
        p: float = 1.0,
        entities: nn.Embedding | None = None,
        spread: float | None = None,
    ) -> None:
        super().__init__(
            num_entities, num_relations, dim, dim, measure=Norm(p), entities=entities, spread=spread
        )  # fmt: skip
        if spread is None:
            with torch.no_grad():
                self.relations.weight.copy_(F.normalize(self.relations.weight, dim=1))

    @torch.no_grad()
    def constrain(self) -> None:
        """Entities become of length 1, as the paper has them before each step."""
        self.entities.weight.copy_(F.normalize(self.entities.weight, dim=1))
