"""DistMult: three vectors multiplied number by number. What it says of a triple it says of the reverse.

Yang et al., "Embedding Entities and Relations for Learning and Inference in Knowledge Bases", ICLR 2015,
arXiv:1412.6575.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.nn.scorers import InnerProduct
from nextitem.nn.triples.scorer import TripleScorer


class DistMult(TripleScorer):
    """DistMult: sum of h * r * t. It cannot tell a relation's direction."""

    def __init__(
        self,
        num_entities: int,
        num_relations: int,
        dim: int = 100,
        *,
        entities: nn.Embedding | None = None,
        spread: float | None = None,
    ) -> None:
        super().__init__(
            num_entities, num_relations, dim, dim, measure=InnerProduct(), entities=entities, spread=spread
        )

    def after(self, heads: Tensor, relations: Tensor) -> Tensor:
        return heads * self.relations(relations)

    def before(self, tails: Tensor, relations: Tensor) -> Tensor:
        return tails * self.relations(relations)
