"""HGN: two gates over the newest items, one for what of an item matters to the user, one for which items do.

Ma, Kang & Liu, "Hierarchical Gating Networks for Sequential Recommendation", KDD 2019, arXiv:1906.09217. Code followed:
RecBole's HGN.
Departures:
- padding has no part in the weighted mean, as it has in that code;
- slots are counted back from the newest item;
- no bias of items; all negatives are scored by the table that the targets are scored by (there by the input table);
- the loss is chosen outside (full cross-entropy by default; `bpr` is the paper's).

Sizes: B rows, T positions, S slots, D dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.initialise import initialise_normal
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout


class HGN(SequenceModel):
    """HGN: a short history through a gate of features and a gate of items, beside the user's taste.

        f_s = x_s * sigmoid(W1 x_s + W2 u + b)        g_s = sigmoid(w3 . f_s + (W4 u)_s)
        score(j) = (u + sum of g_s f_s / sum of g_s + sum of x_s) . q_j

    x are the newest items, slot s counted back from the newest; u is zero for a user whom it was not trained on. Items
    have one vector as history, x, and one as what is scored, q.

    Arguments:
        max_length: how many of the newest items it sees; 5 as the paper, where RecBole has 50.
        dropout: on the query; the paper has none.
    """

    knows_users = True
    takes_strangers = True
    trains_on = ("prefix", "next_item")

    def __init__(
        self, num_users: int, num_items: int, dim: int = 64, dropout: float = 0.0, max_length: int = 5
    ) -> None:
        super().__init__(num_items, dim)
        self.max_length = max_length
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=0)
        self.target_embedding = nn.Embedding(num_items + 1, dim, padding_idx=0)
        self.feature_gate = nn.Linear(dim, dim)  # W1, b
        self.feature_gate_of_user = nn.Linear(dim, dim, bias=False)  # W2
        self.item_gate = nn.Linear(dim, 1, bias=False)  # w3
        self.item_gate_of_user = nn.Linear(dim, max_length, bias=False)  # W4
        self.dropout = Dropout(dropout)
        initialise_normal(self, std=1 / dim)

    def encode(self, batch: Batch) -> Tensor:
        # The slots of an item are counted from the one that is asked for, so they are others at every place.
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        slots = torch.arange(self.item_gate_of_user.out_features, device=places.device)
        at = places[:, None] - slots  # (B, S)
        items = batch.inputs.gather(1, at.clamp(min=0)).masked_fill(at < 0, PAD)
        x, user = self.item_embedding(items), self.user_embedding(batch.users)  # (B, S, D), (B, D)
        features = x * torch.sigmoid(self.feature_gate(x) + self.feature_gate_of_user(user)[:, None])
        gates = torch.sigmoid(self.item_gate(features)[..., 0] + self.item_gate_of_user(user)) * (
            items != PAD
        )  # (B, S)
        total = gates.sum(1, keepdim=True)
        pooled = (gates[..., None] * features).sum(1) / total.masked_fill(total == 0, 1.0)
        return self.dropout(user + pooled + x.sum(1))

    def item_vectors(self) -> Tensor:
        return self.target_embedding.weight
