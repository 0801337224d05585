"""TransRec: items are places in a space, and a user is a step from the last item to the next.

He, Kang & McAuley, "Translation-based Recommendation", RecSys 2017, arXiv:1707.02410. Code followed: RecBole's and
RecStudio's TransRec.
Departures:
- distances are squared, as in RecStudio, so that scores are inner products of mapped vectors (RecBole has roots);
- vectors are not kept in the unit ball: full cross-entropy wants distances that may grow. RecBole keeps them small by a
  term that has no gradient;
- the loss is chosen outside (full cross-entropy by default; `bpr` is the paper's).

Sizes: B rows, T positions, D dim, V = num_items + 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout
from nextitem.nn.scorers import VectorScorer


class BiasedEuclidean(VectorScorer):
    """b - |q - v|² = [2 q, 1, -|q|²] . [v, b - |v|², 1]

    The bias b stands behind the vector, and a 1 behind the query.
    """

    title = "squared Euclidean distances with biases"

    def match(self, queries: Tensor, vectors: Tensor) -> Tensor:
        return vectors[..., -1] - (queries[..., :-1] - vectors[..., :-1]).square().sum(-1)

    def map_queries(self, queries: Tensor) -> Tensor:
        """(..., D + 1) -> (..., D + 2)."""
        places, ones = queries[..., :-1], queries[..., -1:]
        return torch.cat([2.0 * places, ones, -places.square().sum(-1, keepdim=True)], -1)

    def map_vectors(self, vectors: Tensor) -> Tensor:
        """(..., D + 1) -> (..., D + 2)."""
        places, biases = vectors[..., :-1], vectors[..., -1:]
        return torch.cat([places, biases - places.square().sum(-1, keepdim=True), torch.ones_like(biases)], -1)

    def place_queries(self, queries: Tensor) -> Tensor:
        """(B, D + 1) -> (B, D + 1)."""
        return torch.cat([queries[..., :-1], torch.zeros_like(queries[..., -1:])], -1)

    def place_vectors(self, vectors: Tensor) -> Tensor:
        """(N, D + 1) -> (N, D + 1): what a bias lacks to the highest is the square of one more coordinate."""
        biases = vectors[..., -1:]
        return torch.cat([vectors[..., :-1], (biases.max() - biases).sqrt()], -1)


class TransRec(SequenceModel):
    """TransRec: the next item lies where the user's step leads from the last one.

    score(j | user u, last item i) = b_j - |E_i + t + t_u - E_j|²

    with a step t of all users and one of each, t_u, which is zero for a user whom it was not trained on.

    Arguments:
        dropout: on the place to which the step leads; the paper has none.
    """

    own_scorer = BiasedEuclidean
    knows_users = True
    takes_strangers = True
    max_length = 1
    trains_on = ("prefix", "next_item")  # with histories of one item, a row a user would be one target a user

    def __init__(self, num_users: int, num_items: int, dim: int = 64, dropout: float = 0.0) -> None:
        super().__init__(num_items, dim)
        self.user_steps = nn.Embedding(num_users + 1, dim, padding_idx=0)
        self.step = nn.Parameter(torch.zeros(dim))
        self.bias = nn.Parameter(torch.zeros(num_items + 1))
        self.dropout = Dropout(dropout)
        initialise_xavier(self)

    def encode(self, batch: Batch) -> Tensor:
        steps = self.step + self.user_steps(batch.users)  # (B, D)
        places = self.dropout(self.item_embedding(batch.inputs) + steps[:, None])  # (B, T, D)
        return torch.cat([places, torch.ones_like(places[..., :1])], -1)  # (B, T, D + 1)

    def item_vectors(self) -> Tensor:  # (V, D + 1)
        return torch.cat([self.item_embedding.weight, self.bias[:, None]], 1)
