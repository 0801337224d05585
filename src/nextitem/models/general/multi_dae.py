"""MultiDAE: a denoising autoencoder of a user's set of items, with a multinomial likelihood.

Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018, arXiv:1802.05814. Code followed: the
authors' vae_cf (MultiDAE without hidden layers beside the code of 200), with its settings for ML-20M.
Departures: MultiVAE's.

Sizes: B batch, V = num_items + 1, H hidden_dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.keys import NotNegative
from nextitem.models.base import Trained
from nextitem.models.counting import multi_hot
from nextitem.models.general.multi_vae import surprise
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import ItemTower
from nextitem.nn.dropout import Dropout


class MultiDAE(ItemTower, Trained):
    """MultiDAE: a denoising autoencoder of all items of a user, with a multinomial likelihood.

    logits = W2 tanh(W1 x + b1) + b2, x the items of a user, of length 1 and then with `dropout`; loss in nats a user.
    `l2` weighs the squares of W1 and W2 (the code's 0.01 / 500, which it doubles before it halves).
    """

    trains_on = ("bag",)

    def __init__(self, num_items: int, hidden_dim: int = 200, dropout: float = 0.5, l2: NotNegative = 2e-5) -> None:
        super().__init__(num_items)
        self.l2 = l2
        self.encoder = nn.Linear(num_items + 1, hidden_dim)
        self.output = nn.Linear(hidden_dim, num_items)
        self.dropout = Dropout(dropout)
        initialise_xavier(self)

    def encode(self, inputs: Tensor) -> Tensor:
        """The hidden layer (B, H) of items (B, T)."""
        return torch.tanh(self.encoder(self.dropout(F.normalize(multi_hot(inputs, self.num_items)))))

    def item_vectors(self) -> Tensor:
        """The weights and the bias of the output (V, H + 1); the padding's are zero."""
        return F.pad(torch.cat([self.output.weight, self.output.bias[:, None]], dim=1), (0, 0, 1, 0))

    def query(self, batch: Batch) -> Tensor:
        """The hidden layer, and 1 for the bias of the output (B, H + 1)."""
        return F.pad(self.encode(batch.inputs), (0, 1), value=1.0)

    def loss(self, batch: Batch) -> Tensor:
        losses = surprise(self.output(self.encode(batch.inputs)), batch.targets)
        return losses.mean() + self.l2 * (self.encoder.weight.square().sum() + self.output.weight.square().sum())

    def num_terms(self, batch: Batch) -> float:
        """The loss is a mean over users."""
        return len(batch.users)
