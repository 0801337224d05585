"""STOSA: items are normal distributions, attention and scores are distances between them.

Fan et al., "Sequential Recommendation via Stochastic Self-Attention", WWW 2022, arXiv:2201.06035. Code followed:
RecBoard's STOSA, with its slip mended: there a layer's new means are bound to a misspelt name, so that the encoder
returns the means that it was given, and only the variances attend.
Departures:
- the loss of the next item comes from outside (full cross-entropy by default; the paper's is `bpr` with one negative);
- the item that a positive is held apart from, in the part `margin`, is drawn uniformly for each target; there it is the
  one that the ranking's loss has drawn;
- padding stands after the newest item, and positions count back from it.

The Wasserstein distance of two normal distributions with diagonal covariances, W² = |m - m'|² + |s - s'|² with s the
standard deviations, is the Euclidean one of the vectors [m, s]: so logits, scores, cross-entropy and nearest-neighbour
search are those of such vectors.

Sizes: B rows, T positions, D dim, H heads, E = D / H, N targets, V = num_items + 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.attentive import shares_of
from nextitem.models.base import Trained
from nextitem.models.initialise import initialise_normal
from nextitem.models.towers import SequenceModel, ages
from nextitem.nn.attention import parted
from nextitem.nn.dropout import Dropout
from nextitem.nn.scorers import Euclidean


class STOSA(SequenceModel):
    """STOSA: self-attention between items that are normal distributions, near ones attending to each other.

    score(j) = -W²(state, item j), the squared Wasserstein distance. Its loss has two parts, `ranking` and `margin`.

    Sizes and dropout are RecBoard's.

    Arguments:
        dim: of the means, and of the variances.
        dropout: on items, and behind attention and feed-forward.
        attention_dropout: on the weights of the attention.
        margin_weight: what it counts that a target is nearer to the state than to an item that is drawn.
    """

    own_scorer = Euclidean
    loss = Trained.loss  # the sum of the parts

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 1,
        num_heads: int = 4,
        dropout: float = 0.5,
        attention_dropout: float = 0.2,
        max_length: int = 50,
        margin_weight: float = 0.001,
    ) -> None:
        super().__init__(num_items, dim)
        if dim % num_heads:
            raise InputError(f"dim must be a multiple of num_heads, found {dim} and {num_heads}")
        self.max_length, self.margin_weight = max_length, margin_weight
        self.variance_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.positions, self.variance_positions = nn.Embedding(max_length, dim), nn.Embedding(max_length, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-12)  # of both
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            StochasticBlock(dim, num_heads, dropout, attention_dropout) for _ in range(num_layers)
        )
        initialise_normal(self)
        with torch.no_grad():
            for table in (self.item_embedding, self.variance_embedding, self.positions, self.variance_positions):
                table.weight += 0.01  # theirs are N(.01, .02)
            self.item_embedding.weight[PAD] = self.variance_embedding.weight[PAD] = 0

    def encode(self, batch: Batch) -> Tensor:
        means, variances = self._embedded(batch)
        for block in self.blocks:
            means, variances = block(means, variances)
        return torch.cat([means, variances.sqrt()], -1)  # (B, T, 2 D)

    def attention_shares(self, batch: Batch) -> Tensor:
        """What the last block takes of each item (B, T) at the newest one, as `Attentive` has it."""
        (means, variances), (before, last) = self._embedded(batch), parted(self.blocks)
        for block in before:
            means, variances = block(means, variances)
        assert isinstance(last, StochasticBlock)
        return shares_of(last.weights(means, variances), batch.inputs)

    def _embedded(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Means and variances (B, T, D) of the items at their places."""
        places = ages(batch.inputs)
        means = self.item_embedding(batch.inputs) + self.positions(places)
        variances = self.variance_embedding(batch.inputs) + self.variance_positions(places)
        return F.elu(self.dropout(self.norm(means))), positive(self.dropout(self.norm(variances)))

    def item_vectors(self) -> Tensor:  # (V, 2 D)
        return torch.cat([self.item_embedding.weight, positive(self.variance_embedding.weight).sqrt()], 1)

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        states, places = self.asked_states(batch)  # (N, 2 D)
        vectors, targets = self.item_vectors(), batch.targets[places]  # (V, 2 D), (N,)
        ranking = self.loss_of(batch, states, places, vectors)
        drawn = torch.randint(1, self.num_items + 1, targets.shape).to(targets.device)
        own, other = F.embedding(targets, vectors), F.embedding(drawn, vectors)
        margin = F.relu((states - own).square().sum(1) - (own - other).square().sum(1)).mean()
        return {"ranking": ranking, "margin": self.margin_weight * margin}


class StochasticBlock(nn.Module):
    """Attention by distances, then feed-forward; of means and of variances."""

    def __init__(self, dim: int, num_heads: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.of_means, self.of_variances = nn.Linear(dim, 3 * dim), nn.Linear(dim, 3 * dim)  # queries, keys, values
        self.attention_dropout = Dropout(attention_dropout)
        self.means, self.variances = Finish(dim, dropout), Finish(dim, dropout)

    def forward(self, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) each -> (B, T, D) each."""
        (queries, keys, values), spreads = self._mapped(means, variances)
        weights = self.attention_dropout(self._weights(queries, keys, spreads[0], spreads[1]))
        mixed, spread = (
            (some @ what).transpose(1, 2).flatten(2)
            for some, what in ((weights, values), (weights.square(), spreads[2]))
        )
        return self.means(mixed, means), positive(self.variances(spread, variances))

    def weights(self, means: Tensor, variances: Tensor) -> Tensor:
        """How much each place takes of each, before dropout: (B, T, D) each -> (B, H, T, T)."""
        (queries, keys, _), spreads = self._mapped(means, variances)
        return self._weights(queries, keys, spreads[0], spreads[1])

    def _mapped(self, means: Tensor, variances: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Queries, keys and values (B, H, T, E): their means, and their variances."""
        return self._heads(self.of_means(means)), self._heads(positive(self.of_variances(variances)))

    def _weights(self, queries: Tensor, keys: Tensor, spread_queries: Tensor, spread_keys: Tensor) -> Tensor:
        distances = squared_distances(
            torch.cat([queries, spread_queries.sqrt()], -1), torch.cat([keys, spread_keys.sqrt()], -1)
        )  # (B, H, T, T)
        later = torch.ones(distances.shape[-2:], dtype=torch.bool, device=distances.device).triu(1)
        return (-distances / queries.shape[-1] ** 0.5).masked_fill(later, float("-inf")).softmax(-1)

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, 3 D) -> three of (B, H, T, E)."""
        each = x.shape[2] // (3 * self.num_heads)
        queries, keys, values = x.view(*x.shape[:2], 3, self.num_heads, each).permute(2, 0, 3, 1, 4)
        return queries, keys, values


class Finish(nn.Module):
    """What follows the attention of one kind: y = LN(W a + x), LN(W2 elu(W1 y) + y)."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.output, self.inner, self.outer = nn.Linear(dim, dim), nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.attention_norm, self.feed_forward_norm = (nn.LayerNorm(dim, eps=1e-12) for _ in range(2))
        self.dropout = Dropout(dropout)

    def forward(self, mixed: Tensor, x: Tensor) -> Tensor:
        """(B, T, D) each -> (B, T, D)."""
        y = self.attention_norm(self.dropout(self.output(mixed)) + x)
        return self.feed_forward_norm(self.dropout(self.outer(F.elu(self.inner(y)))) + y)


def positive(x: Tensor) -> Tensor:
    """elu(x) + 1, above 0: a variance."""
    return F.elu(x) + 1 + 1e-6  # elu comes to -1 in single precision, and a root has no slope at 0


def squared_distances(queries: Tensor, keys: Tensor) -> Tensor:
    """|q - k|² of each with each: (.., T, E) and (.., S, E) -> (.., T, S)."""
    squares = queries.square().sum(-1, keepdim=True) + keys.square().sum(-1)[..., None, :]
    return squares - 2 * queries @ keys.transpose(-1, -2)
