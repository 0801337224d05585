"""NPE: neural personalised embedding; an item suits a user's taste, and what the user has met before.

Nguyen & Takasu, "NPE: Neural Personalized Embedding for Collaborative Filtering", IJCAI 2018, arXiv:1805.06563. Code
followed: RecBole's NPE.
Departures:
- items of a history have vectors of their own, as in the paper; RecBole declares them, and adds up the targets';
- a history is the items before the target, where the paper's is all others of the user;
- the loss is chosen outside (full cross-entropy by default).

Sizes: B rows, T positions, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout


class NPE(SequenceModel):
    """NPE: a vector of the user and a sum over the history, both rectified, against rectified vectors of items.

    score(j | user u, history i_1 .. i_t) = (relu(u) + relu(c_1 + .. + c_t)) . relu(q_j)

    The order of the history has no part in it. u is zero for a user whom it was not trained on.

    Arguments:
        dropout: on either part of the query; RecBole's.
        max_length: how many of the newest items it sees; None for all (no weight depends on it).
    """

    knows_users = True
    takes_strangers = True
    trains_on = ("prefix", "next_item")

    def __init__(
        self, num_users: int, num_items: int, dim: int = 64, dropout: float = 0.3, max_length: int | None = 50
    ) -> None:
        super().__init__(num_items, dim)  # of histories
        self.max_length = max_length
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=0)
        self.target_embedding = nn.Embedding(num_items + 1, dim, padding_idx=0)
        self.dropout = Dropout(dropout)
        initialise_xavier(self)

    def encode(self, batch: Batch) -> Tensor:
        return self._query(self.user_embedding(batch.users)[:, None], self.item_embedding(batch.inputs).cumsum(1))

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        is_seen = torch.arange(batch.inputs.shape[1], device=places.device) <= places[:, None]  # (B, T)
        histories = self.item_embedding(batch.inputs.masked_fill(~is_seen, PAD)).sum(1)
        return self._query(self.user_embedding(batch.users), histories)

    def _query(self, users: Tensor, histories: Tensor) -> Tensor:
        """(..., D), and users that broadcast to them -> (..., D)."""
        return self.dropout(torch.relu(users).expand_as(histories)) + self.dropout(torch.relu(histories))

    def item_vectors(self) -> Tensor:
        return torch.relu(self.target_embedding.weight)
