"""The contract of samplers: for every row a proposal distribution over the items, and draws from it.

Sizes: N rows (one a target), n = num_items, V = n + 1 (item 0 is the padding), k draws, K items, D dim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.samplers.history import History

Score = Callable[[Tensor], Tensor]  # (N, K) items, or (1, K) that all rows share -> (N, K) scores, row n for row n


class Positives(NamedTuple):
    """What negatives are drawn for."""

    users: Tensor  # (N,) int64; 0 is an unknown user
    targets: Tensor  # (N,) int64 in 1..num_items
    score: Score  # of the model as it is now
    queries: Tensor | None = None  # (N, D), as the scorer maps them: scores are inner products of these; None: of none


class Proposal:
    """The distribution of one draw, for every row: normalised, log_prob exact for what `sample` does."""

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(N, count) items with replacement, or (1, count) that all rows share."""
        raise NotImplementedError(f"{type(self).__name__} has no sample")

    def log_prob(self, items: Tensor) -> Tensor:
        """(N, K) or (1, K) items -> the natural logs of the chances that one draw gives them; broadcasts to (N, K).

        -inf where a row never draws an item, such as one of an excluded history.
        """
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")


@dataclass(frozen=True)
class Draw:
    """Negatives of N rows. The logs are worked out when they are asked for: not every loss wants them."""

    items: Tensor  # (N, k), or (1, k) where all rows share them; int64 in 1..num_items
    struck: Tensor  # (N, k) bool: accidental hits, which a loss must not see
    proposal: Proposal
    targets: Tensor  # (N,)

    @property
    def log_q(self) -> Tensor:
        """(N, k), or (1, k): the log of the chance that one draw gives this item."""
        with torch.no_grad():
            return self.proposal.log_prob(self.items)

    @property
    def target_log_q(self) -> Tensor:
        """(N,): the same of the targets; -inf where the sampler never draws a row's target."""
        with torch.no_grad():
            return self.proposal.log_prob(self.targets[:, None])[:, 0]


class Sampler(nn.Module):
    """Draws negatives. Buffers, so that they move to a device with the model; nothing of them is saved.

    `needs_vectors` says that it draws by item vectors, which `refresh` brings up to date at the start of an epoch, and
    by queries. A hit is a negative that equals the row's target or, with `strikes`, stands in the user's history;
    samplers that exclude the history from their draws have no need of `strikes`.
    """

    needs_vectors: ClassVar[bool] = False
    strikes: History | None

    def __init__(self, strikes: History | None = None) -> None:
        super().__init__()
        self.strikes = strikes

    def refresh(self, vectors: Tensor) -> None:
        """(V, D) item vectors as they are now, mapped by the scorer; randomness comes from torch's global state."""

    def proposal(self, rows: Positives) -> Proposal:
        raise NotImplementedError(f"{type(self).__name__} has no proposal")

    def forward(self, rows: Positives, count: int, generator: torch.Generator | None = None) -> Draw:
        """`count` negatives a row (without a generator: from torch's global random state)."""
        with torch.no_grad():
            proposal = self.proposal(rows)
            return self._draw(rows, proposal, proposal.sample(count, generator))

    def _draw(self, rows: Positives, proposal: Proposal, items: Tensor) -> Draw:
        struck = items == rows.targets[:, None]
        if self.strikes is not None:
            struck = struck | self.strikes.holds(rows.users, items)
        return Draw(items, struck, proposal, rows.targets)


class Repeatable(Sampler):
    """One whose draws are a function of the user and of numbers in [0, 1), so that they can be made once for all."""

    def items_of(self, users: Tensor, numbers: Tensor) -> Tensor:
        """(N,) users and (N, k) float64 in [0, 1) -> (N, k) items."""
        raise NotImplementedError(f"{type(self).__name__} has no items_of")

    def draw(self, users: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(N,) users -> (N, count) int64 item ids, with replacement (without a generator: torch's global state)."""
        numbers = torch.rand(len(users), count, dtype=torch.float64, device=users.device, generator=generator)
        return self.items_of(users, numbers)

    def draw_fixed(self, users: Tensor, targets: Tensor, count: int, seed: int) -> Tensor:
        """The same (N, count) items for the same users, targets and seed: negatives that are drawn once and for all.

        They are hashed, not stored; the hash is splitmix64's.
        """
        place = torch.arange(count, device=users.device)
        word = _mixed(_mixed(_mixed(users + seed * 0x632BE5AB)[:, None] + targets[:, None]) + place)
        return self.items_of(users, (word >> 11 & (1 << 53) - 1).double() / (1 << 53))

    def fixed(self, rows: Positives, count: int, seed: int) -> Draw:
        """`draw_fixed` as a Draw."""
        with torch.no_grad():
            items = self.draw_fixed(rows.users, rows.targets, count, seed)
            return self._draw(rows, self.proposal(rows), items)


def queries_of(rows: Positives) -> Tensor:
    """(N, D) float64.

    Raises:
        InputError: the model has none.
    """
    if rows.queries is None:
        raise InputError(
            "this sampler draws by inner products of queries and item vectors, which the model does not have; "
            "take uniform, popularity, in_batch, dynamic or softmax"
        )
    return rows.queries.double()


def pick(weights: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """(N, K) weights of any sum -> (N, count) columns, drawn with chances in proportion; never one of weight 0.

    Inverse CDF in float64: torch.multinomial sums in the dtype of its input, and may return a column of weight 0.
    """
    ends = weights.double().cumsum(1)
    numbers = torch.rand(len(ends), count, dtype=torch.float64, device=ends.device, generator=generator)
    return torch.searchsorted(ends, numbers * ends[:, -1:], right=True)


def point_below(sizes: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """For every int64 size a uniform whole number in 0 .. size - 1."""
    numbers = torch.rand(sizes.shape, dtype=torch.float64, device=sizes.device, generator=generator)
    return (numbers * sizes).long()


def _mixed(word: Tensor) -> Tensor:
    """splitmix64's output function on int64, which wraps around as its unsigned original does."""
    word = word + -7046029254386353131  # 0x9E3779B97F4A7C15
    word = (word ^ (word >> 30 & (1 << 34) - 1)) * -4658895280553007687  # 0xBF58476D1CE4E5B9
    word = (word ^ (word >> 27 & (1 << 37) - 1)) * -7723592293110705685  # 0x94D049BB133111EB
    return word ^ (word >> 31 & (1 << 33) - 1)
