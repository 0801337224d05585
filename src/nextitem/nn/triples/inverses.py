"""Relations with inverses: the head of (h, r, t) is asked for as the tail of (t, r', h), r' a relation of its own.

Lacroix et al., "Canonical Tensor Decomposition for Knowledge Base Completion", ICML 2018, arXiv:1806.07297.

Sizes: B triples, N = number of entities + 1, R relations of the data.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.triples.scorer import TripleScorer


class WithInverses(nn.Module):
    """A scorer of 2R relations as one of R: relation R + r is the inverse of r."""

    def __init__(self, scorer: TripleScorer) -> None:
        """Raises InputError where the number of relations is odd, so that some have no inverse."""
        super().__init__()
        if scorer.num_relations % 2:
            raise InputError(
                f"relations and their inverses are an even number, found {scorer.num_relations}; make the scorer with "
                "twice the relations of the data"
            )
        self.scorer, self.num_relations = scorer, scorer.num_relations // 2

    def against_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        """(B,), (B,) -> (B, N): column e scores entity e as the tail; the padding's, column 0, is -inf."""
        return self.scorer.against_tails(heads, relations)

    def against_heads(self, relations: Tensor, tails: Tensor) -> Tensor:
        """(B,), (B,) -> (B, N): column e scores entity e as the head, by the inverse relation; column 0 is -inf."""
        return self.scorer.against_tails(tails, relations + self.num_relations)

    def both_ways(self, triples: Tensor) -> Tensor:
        """(B, 3) head, relation, tail -> (2B, 3): the triples, then their inverses."""
        heads, relations, tails = triples.unbind(1)
        return torch.cat([triples, torch.stack([tails, relations + self.num_relations, heads], 1)])
