"""ComplEx: DistMult in complex numbers, where the conjugate of the tail tells a relation's direction.

Trouillon et al., "Complex Embeddings for Simple Link Prediction", ICML 2016, arXiv:1606.06357.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.nn.scorers import InnerProduct
from nextitem.nn.triples.complex_pairs import check_pairs, moduli, product
from nextitem.nn.triples.scorer import TripleScorer


class ComplEx(TripleScorer):
    """ComplEx: the real part of the sum of h * r * conj(t); `dim` counts real numbers, so dim / 2 complex ones.

    As the inner product of all real numbers it is (h r) . t, and h . (conj(r) t).
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
        check_pairs("ComplEx", dim)
        super().__init__(
            num_entities, num_relations, dim, dim, measure=InnerProduct(), entities=entities, spread=spread
        )

    def after(self, heads: Tensor, relations: Tensor) -> Tensor:
        return product(self.relations(relations), heads)

    def before(self, tails: Tensor, relations: Tensor) -> Tensor:
        return product(self.relations(relations), tails, conjugates=True)

    def magnitudes(self, vectors: Tensor) -> Tensor:
        return moduli(vectors)
