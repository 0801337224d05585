"""TransH: a relation is a step on a hyperplane of its own, so that many tails may stand behind one place.

Wang et al., "Knowledge Graph Embedding by Translating on Hyperplanes", AAAI 2014.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.scorers import Norm
from nextitem.nn.triples.scorer import TripleScorer


class TransH(TripleScorer):
    """TransH: -|h' + r - t'|_p, where e' = e - (w . e) w is e on the hyperplane with the unit normal w of the relation.

    The normal is made of length 1 before each use.
    """

    is_placed = True

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
        super().__init__(num_entities, num_relations, dim, dim, measure=Norm(p), entities=entities, spread=spread)
        self.normals = self.table(num_relations, dim)

    def place(self, entities: Tensor, relations: Tensor) -> Tensor:
        return onto_hyperplane(self.entities(entities), F.normalize(self.normals(relations), dim=-1))


def onto_hyperplane(vectors: Tensor, normals: Tensor) -> Tensor:
    """(..., D) and normals (..., D), of length 1 where this is to be a projection -> (..., D)."""
    return vectors - (vectors * normals).sum(-1, keepdim=True) * normals


def over_length(vectors: Tensor) -> Tensor:
    """(..., D) -> (...): max(0, |v|^2 - 1), TransH's soft limit on lengths."""
    return F.relu(vectors.square().sum(-1) - 1.0)


def off_plane(relations: Tensor, normals: Tensor) -> Tensor:
    """(..., D) twice -> (...): (w . r)^2 / |r|^2, how far steps leave their planes.

    A relation of length 0 leaves no plane.
    """
    squares = relations.square().sum(-1)
    return (normals * relations).sum(-1).square() / squares.masked_fill(squares == 0.0, 1.0)
