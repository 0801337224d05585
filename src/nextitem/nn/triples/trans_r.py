"""TransR: entities are mapped into a space of the relation, where it is a step.

Lin et al., "Learning Entity and Relation Embeddings for Knowledge Graph Completion", AAAI 2015. The matrices start as
the identity, as there; the paper's entities and relations start from those of a TransE, here at random.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.nn.relations import mapped_by_relation
from nextitem.nn.scorers import Norm
from nextitem.nn.triples.scorer import TripleScorer


class TransR(TripleScorer):
    """TransR: -|h M + r - t M|_p with a matrix M (dim, relation_dim) of the relation; relation_dim None: `dim`."""

    is_placed = True

    def __init__(
        self,
        num_entities: int,
        num_relations: int,
        dim: int = 100,
        *,
        relation_dim: int | None = None,
        p: float = 1.0,
        entities: nn.Embedding | None = None,
        spread: float | None = None,
    ) -> None:
        width = relation_dim or dim
        super().__init__(num_entities, num_relations, dim, width, measure=Norm(p), entities=entities, spread=spread)
        self.matrices = nn.Parameter(torch.eye(dim, width).repeat(num_relations + 1, 1, 1))

    def place(self, entities: Tensor, relations: Tensor) -> Tensor:
        shape = torch.broadcast_shapes(entities.shape, relations.shape)  # type: ignore[no-untyped-call]
        vectors, kinds = self.entities(entities.expand(shape).flatten()), relations.expand(shape).flatten()
        return mapped_by_relation(vectors, kinds, self.matrices).view(*shape, self.matrices.shape[2])
