"""Rankings: a model whose scores are written down, and cases to rank by it.

Sizes: V = num_items + 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Holdout
from nextitem.evaluation.protocol import Ties
from nextitem.models.base import Recommender

TIES: list[Ties] = ["expected", "expected_rank", "optimistic", "pessimistic"]


class ByUser(Recommender):
    """Scores are a table's row of the user, whatever the history."""

    table: Tensor  # (users + 1, V)

    def __init__(self, table: list[list[float]]) -> None:
        super().__init__(len(table[0]) - 1)
        self.register_buffer("table", torch.tensor(table, dtype=torch.float32))

    def score(self, batch: Batch) -> Tensor:
        return self.table[batch.users]


def for_all(scores: list[float], num_users: int = 9) -> ByUser:
    """The same scores of items 1.. for everyone; the padding would be best."""
    return ByUser([[1e9, *scores]] * (num_users + 1))


def holdout_of(histories: list[list[int]], targets: list[list[int]], num_repeats: int = 0) -> Holdout:
    rows = Sequences.from_lists(histories)
    return Holdout(np.arange(1, len(rows) + 1), rows, rows, Sequences.from_lists(targets), num_repeats)


def random_holdout(num_users: int = 40, num_items: int = 30) -> tuple[ByUser, Holdout]:
    """Scores with ties, histories of many lengths."""
    generator = np.random.default_rng(0)
    table = generator.integers(0, 12, (num_users + 1, num_items + 1)).astype(float).tolist()
    histories = [
        generator.choice(num_items, generator.integers(0, 12), replace=False) + 1 for _ in range(num_users)
    ]  # no item twice
    targets = generator.integers(1, num_items + 1, (num_users, 1))
    return ByUser(table), holdout_of([one.tolist() for one in histories], targets.tolist())
