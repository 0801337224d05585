"""RecVAE: a variational autoencoder of a user's items, whose prior knows what it was an epoch ago.

Shenbin et al., "RecVAE: a New Variational Autoencoder for Top-N Recommendations with Implicit Feedback", WSDM 2020,
arXiv:1912.11160. Code followed: the authors', with its settings for ML-20M.
Departures:
- an epoch is one pass, of the encoder or of the decoder: four of ours are one of the code's;
- one Adam for both, whose moments of a parameter move only where it has a gradient: the code's two;
- Xavier-normal matrices, torch's biases; the padding has no logit.

Sizes: B batch, V = num_items + 1, H hidden_dim, L latent_dim.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.keys import NotNegative, Positive
from nextitem.models.base import Trained
from nextitem.models.counting import multi_hot
from nextitem.models.general.multi_vae import surprise
from nextitem.models.initialise import initialise_xavier
from nextitem.models.towers import ItemTower
from nextitem.nn.dropout import Dropout

SHARES = (3 / 20, 3 / 4, 1 / 10)  # of the prior: standard, of the encoder before, and wide
WIDE = 10.0  # log-variance
NUM_HIDDEN = 5
EPSILON = 0.1  # of the layer norms


class Encoder(nn.Module):
    """Five hidden layers, each of which sees the sum of all before it, and the mean and the log-variance above them."""

    def __init__(self, num_inputs: int, hidden_dim: int, latent_dim: int) -> None:
        super().__init__()
        widths = [num_inputs] + [hidden_dim] * (NUM_HIDDEN - 1)
        self.layers = nn.ModuleList(nn.Linear(width, hidden_dim) for width in widths)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_dim, eps=EPSILON) for _ in widths)
        self.posterior = nn.Linear(hidden_dim, 2 * latent_dim)

    def forward(self, bags: Tensor) -> tuple[Tensor, Tensor]:
        """(B, V) -> mean and log-variance, (B, L) each."""
        x, total = bags, torch.zeros(())
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            x = norm(F.silu(layer(x) + total))
            total = x if number == 0 else total + x
        mean, log_variance = self.posterior(x).chunk(2, dim=1)
        return mean, log_variance


class RecVAE(ItemTower, Trained):
    """RecVAE: a variational autoencoder with a linear decoder and a prior made of its own encoder an epoch ago.

    Of every four passes three train the encoder, with `dropout` of its input, and the fourth the decoder, without;
    so `training.epochs` is four times the paper's. Loss in nats a user: the items' surprise and, times the number of
    items, `kl_weight` (the paper's gamma: 0.005 on ML-20M, 0.0035 on Netflix, 0.01 on MSD) of the sampled divergence
    from the prior 3/20 N(0, 1) + 3/4 q_before + 1/10 N(0, e^10).

    `encoder_passes` is how many passes the encoder takes before one of the decoder.
    """

    trains_on = ("bag",)
    learns_in_part = True
    learns: Literal["both", "encoder", "decoder"] = "both"  # in this epoch; before any, both

    def __init__(
        self,
        num_items: int,
        hidden_dim: int = 600,
        latent_dim: int = 200,
        dropout: float = 0.5,
        kl_weight: NotNegative = 0.005,
        encoder_passes: Positive = 3,
    ) -> None:
        super().__init__(num_items)
        self.kl_weight, self.encoder_passes = kl_weight, encoder_passes
        self.encoder = Encoder(num_items + 1, hidden_dim, latent_dim)
        self.output = nn.Linear(latent_dim, num_items)
        self.dropout = Dropout(dropout)
        initialise_xavier(self)
        self.before = _Frozen(self.encoder)

    def begin_epoch(self, number: int) -> None:
        is_last = number % (self.encoder_passes + 1) == 0
        self.learns = "decoder" if is_last else "encoder"
        if is_last:
            self.before.take(self.encoder)

    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the log-variance (B, L) of the posterior of items (B, T)."""
        bags = F.normalize(multi_hot(inputs, self.num_items))
        mean, log_variance = self.encoder(bags if self.learns == "decoder" else self.dropout(bags))
        return mean, log_variance

    def item_vectors(self) -> Tensor:
        """The weights and the bias of the decoder (V, L + 1); the padding's are zero."""
        return F.pad(torch.cat([self.output.weight, self.output.bias[:, None]], dim=1), (0, 0, 1, 0))

    def query(self, batch: Batch) -> Tensor:
        """The posterior's mean, and 1 for the bias of the decoder (B, L + 1)."""
        return F.pad(self.encode(batch.inputs)[0], (0, 1), value=1.0)

    def loss(self, batch: Batch) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.learns != "decoder"):
            mean, log_variance = self.encode(batch.inputs)
            z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        weight: Tensor = self.output.weight
        bias: Tensor = self.output.bias
        if self.learns == "encoder":
            weight, bias = weight.detach(), bias.detach()
        losses = surprise(F.linear(z, weight, bias), batch.targets)
        if self.learns == "decoder":
            return losses.mean()
        with torch.no_grad():
            before = self.before(F.normalize(multi_hot(batch.inputs, self.num_items)))
        divergence = (log_normal(z, mean, log_variance) - log_prior(z, *before)).sum(1)
        num_met = multi_hot(batch.inputs, self.num_items).sum(1)
        return (losses + self.kl_weight * num_met * divergence).mean()

    def num_terms(self, batch: Batch) -> float:
        """The loss is a mean over users."""
        return len(batch.users)


class _Frozen(nn.Module):
    """The encoder as it was, in buffers, so that no optimizer moves it and a checkpoint has it."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.forms = [encoder]  # in a list: no part of this module, whose weights would be saved twice
        for name, parameter in encoder.named_parameters():
            self.register_buffer(name.replace(".", "_"), parameter.detach().clone())

    def take(self, encoder: Encoder) -> None:
        with torch.no_grad():
            for name, parameter in encoder.named_parameters():
                self.get_buffer(name.replace(".", "_")).copy_(parameter)

    def forward(self, bags: Tensor) -> tuple[Tensor, Tensor]:
        names = [name for name, _ in self.forms[0].named_parameters()]
        weights = {name: self.get_buffer(name.replace(".", "_")) for name in names}
        found: tuple[Tensor, Tensor] = torch.func.functional_call(self.forms[0], weights, (bags,))
        return found


def log_normal(x: Tensor, mean: Tensor | float, log_variance: Tensor | float) -> Tensor:
    """Natural log of the density of N(mean, variance) at x, element by element."""
    log_variance = torch.as_tensor(log_variance, dtype=x.dtype, device=x.device)
    return -0.5 * (math.log(2 * math.pi) + log_variance + (x - mean).square() / log_variance.exp())


def log_prior(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """(B, L): the log density of the mixture at z, with the posterior of the encoder before; each place by itself."""
    parts = (log_normal(z, 0.0, 0.0), log_normal(z, mean, log_variance), log_normal(z, 0.0, WIDE))
    return torch.stack([part + math.log(share) for part, share in zip(parts, SHARES, strict=True)]).logsumexp(0)
