"""Caser: the newest items as a picture, over which convolutions run; beside it the user.

Tang & Wang, "Personalized Top-N Sequential Recommendation via Convolutional Sequence Embedding", WSDM 2018,
arXiv:1809.07426. Code followed: the authors' (graytowne/caser_pytorch).

    E (N, D): the newest items, oldest first, zeros before them where there are fewer than N
    v = V E, one after another        h_k = max over places s of relu(F_k [e_s .. e_{s+k-1}] + b_k), for k = 1 .. N
    z = relu(W [v; h_1; ..; h_N] + b)        score(j) = q_j . [z; u] + b_j

The horizontal convolutions are products with windows of k vectors side by side, the vertical one mixes the slots.
Departures:
- the target is the next item alone, where the paper's rows have the next three;
- the loss is chosen outside (full cross-entropy by default; the paper's is `bce` with three negatives).

Sizes: B rows, N slots, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout


class Caser(SequenceModel):
    """Caser: convolutions over the newest items, beside a vector of the user.

    The user's vector is zero for one whom it was not trained on.

    Arguments:
        num_horizontal: filters of each height 1 .. max_length (the authors' 16).
        num_vertical: filters over all slots (the authors' 4).
        dropout: of what the filters give.
        max_length: how many of the newest items it sees, and the height of the picture (the authors' 5).
    """

    knows_users = True
    takes_strangers = True
    trains_on = ("prefix", "next_item")

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        num_horizontal: int = 16,
        num_vertical: int = 4,
        dropout: float = 0.5,
        max_length: int = 5,
    ) -> None:
        super().__init__(num_items, dim)
        for name, size in {"num_horizontal": num_horizontal, "num_vertical": num_vertical}.items():
            if size < 1:
                raise InputError(f"Caser: {name} must be at least 1, found {size}")
        self.max_length = max_length
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=0)
        self.target_embedding = nn.Embedding(num_items + 1, 2 * dim, padding_idx=PAD)
        self.target_bias = nn.Embedding(num_items + 1, 1, padding_idx=PAD)
        self.vertical = nn.Linear(max_length, num_vertical)  # V
        heights = range(1, max_length + 1)
        self.horizontal = nn.ModuleList(nn.Linear(height * dim, num_horizontal) for height in heights)  # F
        self.output = nn.Linear(num_vertical * dim + num_horizontal * max_length, dim)  # W
        self.dropout = Dropout(dropout)
        for part in (self.item_embedding, self.user_embedding, self.target_embedding):  # the authors'; the rest torch's
            nn.init.normal_(part.weight, std=1 / part.embedding_dim)
            with torch.no_grad():
                part.weight[0] = 0
        nn.init.zeros_(self.target_bias.weight)

    def encode(self, batch: Batch) -> Tensor:
        # The slots are counted from the item that is asked for, so they are others at every place.
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        """The states (B, 2D + 1): [z; u], and the 1 that the items' biases are multiplied by."""
        slots = torch.arange(self.vertical.in_features, device=places.device)
        at = places[:, None] + 1 - len(slots) + slots  # (B, N), oldest first
        picture = self.item_embedding(batch.inputs.gather(1, at.clamp(min=0)).masked_fill(at < 0, PAD))  # (B, N, D)
        found = [self.vertical(picture.transpose(1, 2)).flatten(1)]
        for height, filters in enumerate(self.horizontal, start=1):
            windows = picture.unfold(1, height, 1).transpose(2, 3).flatten(2)  # (B, N - height + 1, height * D)
            found.append(torch.relu(filters(windows)).amax(1))
        z = torch.relu(self.output(self.dropout(torch.cat(found, 1))))
        return F.pad(torch.cat([z, self.user_embedding(batch.users)], 1), (0, 1), value=1.0)

    def item_vectors(self) -> Tensor:
        return torch.cat([self.target_embedding.weight, self.target_bias.weight], 1)
