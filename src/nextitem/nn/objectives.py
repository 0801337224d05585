"""Objectives: what a model is trained to do. A loss, and where its negatives come from.

Sizes: N targets, D dim, E width of what a scorer maps to, V = num_items + 1 vectors (row 0 is the padding), k
negatives, K candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.nn.losses import full_cross_entropy
from nextitem.nn.samplers.base import Draw, Positives, Repeatable, Sampler, Score
from nextitem.nn.scorers import VectorScorer


class Objective(nn.Module):
    """What a model is trained to do: a loss of scores, and where its negatives come from.

    Modules, so that what a sampler holds moves to a device with the model; nothing of them is saved.

    `reads_rows` says that a step reads the vectors of some items only; their gradient may then be sparse, and is where
    `is_sparse` is set.
    """

    reads_rows: ClassVar[bool] = False
    is_sparse: bool = False
    needs_vectors: bool = False  # whether `refresh` wants the item vectors at the start of every epoch
    asked_scorer: type[VectorScorer] | None = None  # what the scores must be; None: whatever the model's are
    is_default: bool = False  # whether nobody chose it, so that `fit` may put that of the model's recipe in its place

    def forward(
        self,
        queries: Tensor,
        vectors: Tensor,
        targets: Tensor,
        users: Tensor,
        weights: Tensor | None = None,
        *,
        scorer: VectorScorer,
    ) -> Tensor:
        """The loss of queries and item vectors under a scorer: a scalar, the mean over the targets.

        queries (N, D), vectors (V, D), targets (N,) in 1..num_items, users (N,), weights of the targets (N,).
        `scorer` is the model's own, by which it ranks too.
        """
        mapped = scorer.map_queries(queries)
        return self.over(
            lambda items: scorer.candidates(mapped, vectors, items, self.is_sparse), targets, users, mapped, weights
        )

    def over(
        self,
        score: Score,
        targets: Tensor,
        users: Tensor,
        queries: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """The loss where scores are any function of rows and items: a scalar, the mean over the targets.

        `score` takes items (N, K), or (1, K) that are the same for all targets, and gives their scores (N, K).
        targets (N,) in 1..num_items, users (N,), weights of the targets (N,). `queries`, where there are any, are
        those whose inner products the scores are.
        """
        raise NotImplementedError(f"{type(self).__name__} has no over")

    def refresh(self, vectors: Tensor) -> None:
        """Take the item vectors (V, E), as the model's scorer maps them, at the start of an epoch, for samplers that
        draw by them.
        """


class FullSoftmax(Objective):
    """Cross-entropy over the whole catalogue; the padding takes no part."""

    def forward(
        self,
        queries: Tensor,
        vectors: Tensor,
        targets: Tensor,
        users: Tensor,
        weights: Tensor | None = None,
        *,
        scorer: VectorScorer,
    ) -> Tensor:
        queries, vectors = scorer.map(queries, vectors)
        return full_cross_entropy(queries, vectors[1:], targets - 1, weight=weights)

    def over(
        self,
        score: Score,
        targets: Tensor,
        users: Tensor,
        queries: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        raise InputError(
            "cross_entropy needs a model with a vector an item; set loss.name to one with sampled negatives"
        )


class Sampled(Objective):
    """A loss over the target and sampled items, new ones at every step or always the same; hits score -inf."""

    reads_rows = True

    def __init__(
        self,
        loss: Callable[..., Tensor],
        sampler: Sampler,
        num_negatives: int | None = 1,
        is_static: bool = False,
        seed: int = 0,
        takes_log_q: bool = False,
        asked_scorer: type[VectorScorer] | None = None,
    ) -> None:
        """`loss`: (positive (N,), negative (N, k)) -> scalar, or if it `takes_log_q` (positive, negative, target_log_q
        (N,), log_q (N, k)) -> scalar; with `weight` (N,) too where targets are weighed. A `num_negatives` of None is as
        many as the batch has targets. `seed` is of static negatives. `asked_scorer` is what the loss takes scores
        for, if it cares.

        Raises:
            InputError: static negatives of a sampler that draws by more than the user and the target.
        """
        super().__init__()
        if is_static and not isinstance(sampler, Repeatable):
            raise InputError(
                "static negatives are a function of user and target alone, so only the uniform and the popularity "
                "sampler have them, and not shared ones; set loss.sampling to dynamic"
            )
        self.loss, self.sampler, self.num_negatives = loss, sampler, num_negatives
        self.is_static, self.seed, self.takes_log_q = is_static, seed, takes_log_q
        self.needs_vectors, self.asked_scorer = sampler.needs_vectors, asked_scorer

    def refresh(self, vectors: Tensor) -> None:
        self.sampler.refresh(vectors)

    def over(
        self,
        score: Score,
        targets: Tensor,
        users: Tensor,
        queries: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        draw = self._draw(Positives(users, targets, score, None if queries is None else queries.detach()))
        if len(draw.items) == len(targets):
            # One call for all candidates: the gradient of the item table is then written once.
            scores = score(torch.cat([targets[:, None], draw.items], 1))  # (N, 1 + k)
            positive, negative = scores[:, 0], scores[:, 1:]
        else:
            positive, negative = score(targets[:, None])[:, 0], score(draw.items)
        negative = negative.masked_fill(draw.struck, float("-inf"))
        weighing = {} if weights is None else {"weight": weights}
        if not self.takes_log_q:
            return self.loss(positive, negative, **weighing)
        log_q = draw.log_q.to(negative.dtype).expand_as(negative)
        return self.loss(positive, negative, draw.target_log_q.to(positive.dtype), log_q, **weighing)

    def _draw(self, rows: Positives) -> Draw:
        count = len(rows.targets) if self.num_negatives is None else self.num_negatives
        if self.is_static and isinstance(self.sampler, Repeatable):
            return self.sampler.fixed(rows, count, self.seed)
        drawn: Draw = self.sampler(rows, count)
        return drawn
