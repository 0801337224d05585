"""What scorers of triples have in common: two tables, and three steps from them to a score.

| step                    | what it does                                                       | in TransH             |
|-------------------------|--------------------------------------------------------------------|-----------------------|
| `place`                 | brings an entity into the space of a relation                      | onto its hyperplane   |
| `after`, `before`       | moves a head to where its tail should be, a tail back to its head  | adds, takes away r    |
| `measure` (nn/scorers)  | compares that with what stands there; higher is better             | a distance, negated   |

So one triple, some candidates and all entities are scored by the same formula: a new scorer is the steps in which it
differs. Entities and relations are numbered from 1; row 0 of the tables is the padding's, zero.

Sizes: B triples, E entities, N = E + 1, R relations, D dim of entities, K width of a relation's space.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.scorers import Scorer

PAD = 0


class TripleScorer(nn.Module):
    """The plausibility of triples, higher is better; this one moves by a vector of the relation, as TransE does.

    Arguments:
        entities: a table of N rows to share, such as a model's; None: one of its own.
        spread: first weights are uniform in [-spread, spread]; None: 6 / sqrt(dim), as in TransE's paper.
    """

    is_placed: ClassVar[bool] = False  # whether an entity has a place of its own for each relation

    def __init__(
        self,
        num_entities: int,
        num_relations: int,
        dim: int,
        width: int,
        *,
        measure: Scorer,
        entities: nn.Embedding | None = None,
        spread: float | None = None,
    ) -> None:
        super().__init__()
        if entities is not None and entities.weight.shape != (num_entities + 1, dim):
            raise InputError(
                f"a table of {num_entities} entities has {num_entities + 1} rows (row 0 is the padding's) of {dim} "
                f"numbers, found {tuple(entities.weight.shape)}"
            )
        self.num_entities, self.num_relations = num_entities, num_relations
        self.spread = 6.0 / math.sqrt(dim) if spread is None else spread
        self.entities = self.table(num_entities, dim) if entities is None else entities
        self.relations = self.table(num_relations, width)
        self.measure = measure

    def table(self, count: int, dim: int) -> nn.Embedding:
        """A table of `count` rows and the padding's, with first weights."""
        made = nn.Embedding(count + 1, dim, padding_idx=PAD)
        with torch.no_grad():
            made.weight.uniform_(-self.spread, self.spread)[PAD] = 0.0
        return made

    def place(self, entities: Tensor, relations: Tensor) -> Tensor:
        """Numbers (...) and (...), broadcast against each other -> (..., K)."""
        return self.entities(entities)

    def after(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Places of heads (..., K), numbers of relations (...) -> (..., K), where their tails should be."""
        return heads + self.relations(relations)

    def before(self, tails: Tensor, relations: Tensor) -> Tensor:
        """Places of tails (..., K), numbers of relations (...) -> (..., K), where their heads should be."""
        return tails - self.relations(relations)

    def forward(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Numbers (...), broadcast against each other -> (...): (B,) three times, or tails (B, n) beside (B, 1)s.

        The end of which there are fewer is moved, so that candidates for either end cost the same.
        """
        if heads.numel() > tails.numel():
            return self.measure.match(
                self.before(self.place(tails, relations), relations), self.place(heads, relations)
            )
        return self.measure.match(self.after(self.place(heads, relations), relations), self.place(tails, relations))

    def against_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        """(B,), (B,) -> (B, N): column e scores entity e as the tail; the padding's, column 0, is -inf."""
        return self._against_all(self.after(self.place(heads, relations), relations), relations)

    def against_heads(self, relations: Tensor, tails: Tensor) -> Tensor:
        """(B,), (B,) -> (B, N): column e scores entity e as the head; the padding's, column 0, is -inf."""
        return self._against_all(self.before(self.place(tails, relations), relations), relations)

    def _against_all(self, queries: Tensor, relations: Tensor) -> Tensor:
        if not self.is_placed:
            return F.pad(self.measure.all(queries, self.entities.weight[1:]), (1, 0), value=float("-inf"))
        order = torch.argsort(relations, stable=True)
        found, counts = torch.unique_consecutive(relations[order], return_counts=True)
        everyone = torch.arange(1, self.num_entities + 1, device=queries.device)
        parts = [
            self.measure.all(part, self.place(everyone, relation))  # a relation's places are made once
            for part, relation in zip(torch.split(queries[order], counts.tolist()), found, strict=True)
        ]
        return F.pad(torch.cat(parts)[torch.argsort(order)], (1, 0), value=float("-inf"))

    @torch.no_grad()
    def constrain(self) -> None:
        """Entities longer than 1 become as long as 1: what the papers of TransH, TransR and TransD ask for."""
        self.entities.weight.div_(self.entities.weight.norm(dim=1, keepdim=True).clamp(min=1.0))

    def magnitudes(self, vectors: Tensor) -> Tensor:
        """(..., D) -> the sizes of the numbers that a vector holds; pairs are one where they are complex."""
        return vectors.abs()

    def cubes(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """(B,) three times -> scalar: the sum of the cubed magnitudes of a triple's three vectors, the mean over B.

        The nuclear 3-norm of Lacroix et al. 2018, arXiv:1806.07297, where it is weighted by .01 to .1.
        """
        vectors = self.entities(heads), self.relations(relations), self.entities(tails)
        return torch.stack([self.magnitudes(one).pow(3).sum() for one in vectors]).sum() / len(heads)
