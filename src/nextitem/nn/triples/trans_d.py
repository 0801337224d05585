"""TransD: entities are mapped into a space of the relation by matrices that two vectors make, one of each.

Ji et al., "Knowledge Graph Embedding via Dynamic Mapping Matrix", ACL 2015.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.nn.scorers import Norm
from nextitem.nn.triples.scorer import TripleScorer


class TransD(TripleScorer):
    """TransD: -|h' + r - t'|_p, where e' = e + (e . e_p) r_p, e filled with zeros, or cut, to `relation_dim`.

    relation_dim None: `dim`.
    """

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
        self.entity_maps, self.relation_maps = self.table(num_entities, dim), self.table(num_relations, width)

    def place(self, entities: Tensor, relations: Tensor) -> Tensor:
        vectors, maps = self.entities(entities), self.relation_maps(relations)
        shares = (vectors * self.entity_maps(entities)).sum(-1, keepdim=True)
        return F.pad(vectors, (0, maps.shape[-1] - vectors.shape[-1])) + shares * maps
