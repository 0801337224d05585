"""FPMC: a factorised Markov chain of each user; the user's taste, and what follows the last item.

Rendle, Freudenthaler & Schmidt-Thieme, "Factorizing Personalized Markov Chains for Next-Basket Recommendation", WWW
2010, doi:10.1145/1772690.1772773. Code followed: RecBole's FPMC, for baskets of one item.
Departure: the loss is chosen outside (full cross-entropy by default; `bpr` is the paper's).

Sizes: B rows, T positions, D dim, V = num_items + 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout


class FPMC(SequenceModel):
    """FPMC: matrix factorisation of users and items, and of the last item and the next.

    score(j | user u, last item i) = UI_u . IU_j + LI_i . IL_j

    A user whom it was not trained on is scored by the last item alone.

    Arguments:
        dim: of each of the four tables; vectors of items and queries are twice as wide.
        dropout: on the query; RecBole has none.
    """

    knows_users = True
    takes_strangers = True
    max_length = 1
    trains_on = ("prefix", "next_item")  # with histories of one item, a row a user would be one target a user

    def __init__(self, num_users: int, num_items: int, dim: int = 64, dropout: float = 0.0) -> None:
        super().__init__(num_items, dim)  # LI
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=0)  # UI
        self.items_of_users = nn.Embedding(num_items + 1, dim, padding_idx=0)  # IU
        self.following_items = nn.Embedding(num_items + 1, dim, padding_idx=0)  # IL
        self.dropout = Dropout(dropout)
        initialise_xavier(self)

    def encode(self, batch: Batch) -> Tensor:
        last = self.item_embedding(batch.inputs)  # (B, T, D)
        users = self.user_embedding(batch.users)[:, None].expand_as(last)
        return self.dropout(torch.cat([users, last], -1))  # (B, T, 2 D)

    def item_vectors(self) -> Tensor:  # (V, 2 D)
        return torch.cat([self.items_of_users.weight, self.following_items.weight], 1)
