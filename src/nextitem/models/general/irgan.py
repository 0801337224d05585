"""IRGAN: a generator of items that a user may like, and a discriminator that tells them from those that were met.

Wang et al., "IRGAN: A Minimax Game for Unifying Generative and Discriminative Information Retrieval Models", SIGIR
2017, arXiv:1705.10513. Code followed: the authors' (geek-ai/irgan), its item recommendation.
Departures:
- Adam over batches of users, where the code descends by plain gradients, the generator's of a user at a time and the
  discriminator's of 16 pairs; losses are means over users, in both of them;
- the first passes are those of a matrix factorisation with dynamic negatives, which the code reads from a file;
- the items that the discriminator should refuse are drawn anew at every step, in the code at every fifth pass;
- without training, as where a loss is compared, nothing is drawn: losses are what drawn ones are on average.

On the authors' split of ml-100k the warm-up alone comes to about the paper's figures, and the game does not better it:
the epoch that the validation keeps is one of the warm-up.

Sizes: B users, T items of a user, V = num_items + 1, N pairs of a batch, D dim.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError, expect_word
from nextitem.keys import AboveZero, NotNegative, OpenShare, Positive
from nextitem.models.base import Trained
from nextitem.models.counting import multi_hot
from nextitem.models.negatives import unseen_sampler
from nextitem.models.towers import TwoTower
from nextitem.nn.samplers.base import Positives, pick
from nextitem.nn.samplers.scored import DynamicSampler

Reward = Literal["authors", "paper"]
POOL = 5  # of the items among which the hardest is a dynamic negative
FIRST = 0.05  # vectors begin between -FIRST and FIRST


class Factors(nn.Module):
    """A matrix factorisation with a bias of the item: g(u, i) = p_u . q_i + b_i."""

    def __init__(self, num_users: int, num_items: int, dim: int) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.item_bias = nn.Parameter(torch.zeros(num_items + 1))
        with torch.no_grad():
            for table in (self.user_embedding.weight, self.item_embedding.weight):
                nn.init.uniform_(table, -FIRST, FIRST)[PAD] = 0.0

    def scores(self, users: Tensor) -> Tensor:
        """(B,) -> (B, V); -inf of the padding, which is never drawn."""
        scores = F.linear(self.user_embedding(users), self.item_embedding.weight, self.item_bias)
        return scores.index_fill(1, torch.tensor([PAD], device=users.device), float("-inf"))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(N,) and (N, K) -> (N, K)."""
        return (self.item_embedding(items) @ self.user_embedding(users)[..., None])[..., 0] + self.item_bias[items]

    def squares(self, users: Tensor) -> Tensor:
        """(B, V): half the squares of all that g(u, i) is made of."""
        of_items = self.item_embedding.weight.square().sum(1) + self.item_bias.square()
        return (self.user_embedding(users).square().sum(1, keepdim=True) + of_items) / 2


class IRGAN(TwoTower):
    """IRGAN: a generator, which is what recommends, against a discriminator, both matrix factorisations g and f.

    score(u, i) = g(u, i), the logits of the generator's p(i|u). The first epochs train it by `ranking`, BPR with the
    hardest of five items that were not met. Then epochs of the two take turns. `discriminator`: the cross-entropy of
    f where an item was met, and of as many from softmax(g / temperature), met or not. `generator`: -log p(i|u) times
    the reward, REINFORCE; of twice as many items as were met, some drawn from these, each weighed by importance.

    Arguments:
        warm_up_epochs: of `ranking`, without which the game does not begin: a discriminator learns nothing from random
            items, and a generator nothing from it.
        discriminator_epochs, generator_epochs: of a turn (the code's 100 and 50, of smaller steps; here a generator
            that takes more at a time falls for what the discriminator has not been asked yet).
        temperature: of the generator where it draws for the discriminator.
        met_share: the share of the items for the generator that is drawn from those that were met.
        reward: authors, 2 sigmoid(f) - 1; paper, log(1 + e^f) less its mean under p(i|u), the baseline.
        l2: of half the squares in f, a pair (the code's 0.1 / 16).
    """

    takes_objective = False
    takes_weights = False
    learns_in_part = True
    trains_on = ("bag",)
    loss = Trained.loss  # the sum of the parts
    learns: Literal["both", "ranking", "discriminator", "generator"] = "both"  # in this epoch; before any, the two

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 5,
        warm_up_epochs: int = 40,
        discriminator_epochs: Positive = 10,
        generator_epochs: Positive = 1,
        temperature: AboveZero = 0.2,
        met_share: OpenShare = 0.2,
        reward: Reward = "authors",
        l2: NotNegative = 0.00625,
    ) -> None:
        super().__init__(num_items)
        expect_word("reward", reward, Reward)
        self.warm_up_epochs = warm_up_epochs
        self.discriminator_epochs, self.generator_epochs = discriminator_epochs, generator_epochs
        self.temperature, self.met_share, self.reward, self.l2 = temperature, met_share, reward, l2
        self.negatives: DynamicSampler | None = None
        self.generator, self.discriminator = (Factors(num_users, num_items, dim) for _ in range(2))

    def prepare(self, train: TrainingData) -> None:
        self.negatives = DynamicSampler(unseen_sampler(train.rows, self.num_items), POOL)

    def begin_epoch(self, number: int) -> None:
        turn = self.discriminator_epochs + self.generator_epochs
        place = (number - self.warm_up_epochs - 1) % turn
        is_first = place < self.discriminator_epochs
        self.learns = "ranking" if number <= self.warm_up_epochs else "discriminator" if is_first else "generator"

    def user_vectors(self) -> Tensor:
        """The generator's vectors of all users (U, D + 1), with a one behind them."""
        return F.pad(self.generator.user_embedding.weight, (0, 1), value=1.0)

    def item_vectors(self) -> Tensor:
        """The generator's vectors of all items (V, D + 1), with their biases behind them."""
        return torch.cat([self.generator.item_embedding.weight, self.generator.item_bias[:, None]], 1)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        """Those of the epoch; each is a mean over users."""
        if self.learns == "ranking":
            return {"ranking": self._ranking(batch)}
        parts = {"discriminator": self._discrimination, "generator": self._generation}
        return {name: part(batch) for name, part in parts.items() if self.learns in (name, "both")}

    def num_terms(self, batch: Batch) -> float:
        """The loss is a mean over users."""
        return len(batch.users)

    def _ranking(self, batch: Batch) -> Tensor:
        if self.negatives is None:
            raise InputError("IRGAN draws items that a user has not met: call prepare(train) before it is trained")
        rows, places = (batch.targets != PAD).nonzero(as_tuple=True)  # (N,) each
        users, targets = batch.users[rows], batch.targets[rows, places]
        drawn = self.negatives(Positives(users, targets, lambda items: self.generator(users, items)), 1).items
        scores = self.generator(users, torch.cat([targets[:, None], drawn], 1))  # (N, 2)
        return F.softplus(scores[:, 1] - scores[:, 0]).sum() / len(batch.users)

    def _discrimination(self, batch: Batch) -> Tensor:
        """A user's sum over what was met and what was drawn."""
        users, is_met = batch.users, batch.targets != PAD  # (B, T)
        with torch.no_grad():
            chances = (self.generator.scores(users) / self.temperature).softmax(1)
        scores, squares = self.discriminator.scores(users), self.l2 * self.discriminator.squares(users)
        true = F.softplus(-scores) + squares  # (B, V)
        false = F.softplus(scores) + squares
        losses = true.gather(1, batch.targets).masked_fill(~is_met, 0.0).sum(1)
        if self.training:
            drawn = pick(chances, is_met.shape[1])
            return (losses + false.gather(1, drawn).masked_fill(~is_met, 0.0).sum(1)).mean()
        return (losses + is_met.sum(1) * (chances * false).sum(1)).mean()

    def _generation(self, batch: Batch) -> Tensor:
        """A user's mean over what was drawn."""
        log_p = self.generator.scores(batch.users).log_softmax(1)  # (B, V)
        with torch.no_grad():
            chances = log_p.exp()
            rewards = self._rewards(batch.users, chances)
        if not self.training:
            return -(chances * rewards * log_p.masked_fill(chances == 0, 0.0)).sum(1).mean()
        met = F.normalize(multi_hot(batch.targets, self.num_items), p=1)
        proposal = (1 - self.met_share) * chances + self.met_share * met
        is_met = (batch.targets != PAD).repeat_interleave(2, 1)  # (B, 2 T): of each row as many as two for an item
        drawn = pick(proposal, is_met.shape[1])
        weights = (chances * rewards).gather(1, drawn) / proposal.gather(1, drawn)
        losses = (weights * log_p.gather(1, drawn)).masked_fill(~is_met, 0.0).sum(1)
        return -(losses / is_met.sum(1)).mean()

    def _rewards(self, users: Tensor, chances: Tensor) -> Tensor:
        """(B, V): what an item is worth to the generator; 0 of the padding."""
        scores = self.discriminator.scores(users)
        if self.reward == "authors":
            return (2 * scores.sigmoid() - 1).index_fill(1, torch.tensor([PAD], device=users.device), 0.0)
        worth = F.softplus(scores)
        return worth - (chances * worth).sum(1, keepdim=True)
