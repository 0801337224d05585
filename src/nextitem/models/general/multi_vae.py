"""MultiVAE: a variational autoencoder of a user's set of items, with a multinomial likelihood.

Liang et al., "Variational Autoencoders for Collaborative Filtering", WWW 2018, arXiv:1802.05814.
Code followed: the authors' vae_cf (MultiVAE with one hidden layer).
Departures: Xavier-normal matrices and torch's biases instead of Xavier-uniform ones and N(0, 0.001); the padding has no
logit. The authors add 1 / 200,000 to the weight of the KL term a step until it is 0.2; that is `beta` 0.2 after
`anneal_steps` 40,000, and is said so here.

Sizes: B batch, V = num_items + 1, H hidden_dim, L latent_dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.counting import multi_hot
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import ItemTower
from nextitem.nn.dropout import Dropout


class MultiVAE(ItemTower, Trained):
    """MultiVAE: a variational autoencoder of all items of a user, with a multinomial likelihood.

    Encoder V-H-L (mean and log-variance), decoder L-H-V, tanh between; loss in nats a user.

    `anneal_steps` is a number of batches, so it goes with the data and the batch size: the authors' 40,000 are 170
    epochs of ML-20M. A run with fewer steps ends with a smaller weight than `beta`.
    """

    trains_on = ("bag",)
    step: Tensor  # () int64: batches trained on; saved, so that a run that is continued anneals on

    def __init__(
        self,
        num_items: int,
        hidden_dim: int = 600,
        latent_dim: int = 200,
        dropout: float = 0.5,
        beta: float = 0.2,
        anneal_steps: int = 40_000,
    ) -> None:
        super().__init__(num_items)
        if anneal_steps < 1:
            raise InputError(f"anneal_steps must be at least 1, found {anneal_steps}")
        self.beta, self.anneal_steps = beta, anneal_steps
        self.encoder = nn.Linear(num_items + 1, hidden_dim)
        self.posterior = nn.Linear(hidden_dim, 2 * latent_dim)
        self.decoder = nn.Linear(latent_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, num_items)
        self.dropout = Dropout(dropout)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        initialise_xavier(self)

    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the log-variance (B, L) of the posterior of items (B, T)."""
        bags = self.dropout(F.normalize(multi_hot(inputs, self.num_items)))
        mean, log_variance = self.posterior(torch.tanh(self.encoder(bags))).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latent: Tensor) -> Tensor:
        """The last hidden layer (B, H) of the decoder, of latent vectors (B, L)."""
        return torch.tanh(self.decoder(latent))

    def item_vectors(self) -> Tensor:
        """The weights and the bias of the output (V, H + 1); the padding's are zero."""
        return F.pad(torch.cat([self.output.weight, self.output.bias[:, None]], dim=1), (0, 0, 1, 0))

    def query(self, batch: Batch) -> Tensor:
        """The last hidden layer of the posterior's mean, and 1 for the bias of the output (B, H + 1)."""
        mean, _ = self.encode(batch.inputs)
        return F.pad(self.decode(mean), (0, 1), value=1.0)

    def loss(self, batch: Batch) -> Tensor:
        mean, log_variance = self.encode(batch.inputs)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        logits = self.output(self.decode(mean + noise * (0.5 * log_variance).exp()))  # (B, num_items)
        kl_weight = self.kl_weight()
        if self.training:
            self.step += 1
        return (kl_weight * kl_divergence(mean, log_variance) + surprise(logits, batch.targets)).mean()

    def num_terms(self, batch: Batch) -> float:
        """The loss is a mean over users."""
        return len(batch.users)

    def kl_weight(self) -> Tensor:
        """The weight of the KL term: from 0 at the first step, linearly, to `beta` after `anneal_steps`."""
        return self.beta * (self.step / self.anneal_steps).clamp(max=1.0)


def surprise(logits: Tensor, targets: Tensor) -> Tensor:
    """(B,) nats of a user's items (B, T), each once, under the softmax of logits (B, num_items)."""
    met = multi_hot(targets, logits.shape[1])[:, 1:]
    return -(met * logits.log_softmax(1)).sum(1)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B,) nats from N(mean, variance), independent in each of the L places, to N(0, 1)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
