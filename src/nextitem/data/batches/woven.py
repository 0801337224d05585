"""WovenBatches: batches of rows and batches of triples in turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch

from nextitem.data.batches.batch import Batch
from nextitem.data.batches.row_batches import Batches
from nextitem.data.batches.turns import Turns
from nextitem.data.batches.wanted import DrawTriples, Wanted
from nextitem.errors import InputError

TRIPLES = 1  # beside seed and epoch: what is drawn for the rows stays as it is without triples


class WovenBatches:
    """The batches of `rows`, and between them, by `turns`, batches of `num_triples` triples.

    A step takes `accumulate` batches of one stream, so a turn of n steps has n times as many; the last of an epoch's
    steps over rows may have fewer.
    """

    def __init__(
        self, rows: Batches, draw: DrawTriples, turns: Turns, num_triples: int, seed: int = 0, accumulate: int = 1
    ) -> None:
        self.rows, self.draw, self.turns, self.num_triples = rows, draw, turns, num_triples
        self.seed, self.accumulate = seed, accumulate
        self.num_targets = rows.num_targets
        self.row_steps = -(-len(rows) // accumulate)  # of an epoch
        self.rows_a_turn = min(turns.rows or self.row_steps, self.row_steps)  # steps
        self.triples_a_turn = turns.triples or self.rows_a_turn
        self.triple_steps = -(-self.row_steps // self.rows_a_turn) * self.triples_a_turn

    @property
    def num_steps(self) -> int:
        return self.row_steps + self.triple_steps

    def __len__(self) -> int:
        return len(self.rows) + self.triple_steps * self.accumulate

    def epoch(self, number: int) -> Iterator[Batch]:
        rng = np.random.default_rng((self.seed, number, TRIPLES))
        rows = self.rows.epoch(number)
        for first in rows:
            yield first
            yield from islice(rows, self.rows_a_turn * self.accumulate - 1)
            for _ in range(self.triples_a_turn * self.accumulate):
                yield Batch.of_triples(torch.from_numpy(self.draw(self.num_triples, rng)))


def weave(rows: Batches, wanted: Wanted, turns: Turns, batch_size: int, seed: int) -> WovenBatches:
    """Raises InputError where there is nothing to draw triples with."""
    if wanted.triples is None:
        raise InputError(
            "the model takes steps over triples in turn with those over rows, and names none; call prepare(train) "
            "before batches are made, and let wanted() have triples"
        )
    return WovenBatches(rows, wanted.triples, turns, max(1, round(batch_size * turns.triples_per_row)), seed)


def of_steps(batches: Batches, accumulate: int) -> Batches:
    """The batches of steps that take `accumulate` of them: whose turns are longer, where there are turns."""
    if not isinstance(batches, WovenBatches):
        return batches
    one = batches
    return WovenBatches(one.rows, one.draw, one.turns, one.num_triples, one.seed, accumulate)


def num_steps(batches: Batches, accumulate: int = 1) -> int:
    """How many steps an epoch has, of all streams, of which each takes `accumulate` batches."""
    found = of_steps(batches, accumulate)
    return found.num_steps if isinstance(found, WovenBatches) else -(-len(batches) // accumulate)
