"""MarkovChain: the next item given the last one, by counting. No deep model is worth more than it beats this by.

A first-order chain is the "last item only" side of the Markov question (MTandHJ, "On the Markovian Nature of the
Next-Item Recommendation Task", 2025); Rendle et al. 2010 (FPMC) call its transition matrix the non-personalised chain.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_array
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Fitted
from nextitem.models.checks import check_table
from nextitem.models.counting import count_items, entries_of


class MarkovChain(Fitted):
    """MarkovChain: what followed the last item most often comes next; a count, and a baseline.

    score(j | last item i) = count(i followed by j) + popularity(j) / (1 + number of interactions).

    The second term is below 1, so it only orders the items that share a count: those never seen after i, above all.
    A row without history is scored by popularity alone.
    """

    max_length: int | None = 1
    starts: Tensor  # (V + 1,) int64: the transitions of item i are at starts[i] .. starts[i + 1]
    followers: Tensor  # (M,) int64 item ids
    counts: Tensor  # (M,) float32
    popularity: Tensor  # (V,) float32 in [0, 1)

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.register_buffer("starts", torch.zeros(num_items + 2, dtype=torch.int64))
        self.register_buffer("followers", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(0))
        self.register_buffer("popularity", torch.zeros(num_items + 1))

    def fit(self, train: TrainingData) -> None:
        before, after = train.rows.without_last(1).flat_items(), train.rows.without_first(1).flat_items()
        width = self.num_items + 1
        table = coo_array((np.ones(len(before), dtype=np.float32), (before, after)), shape=(width, width)).tocsr()
        self.starts = torch.from_numpy(table.indptr.astype(np.int64))
        self.followers = torch.from_numpy(table.indices.astype(np.int64))
        self.counts = torch.from_numpy(table.data)
        popularity = count_items(train.rows, self.num_items)
        self.popularity = torch.from_numpy((popularity / (1 + popularity.sum())).astype(np.float32))

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        super().load_weights(weights)
        check_table(self.starts, self.followers, self.counts, self.num_items)

    def score(self, batch: Batch) -> Tensor:
        lengths = (batch.inputs != PAD).sum(1, keepdim=True)
        last = batch.inputs.gather(1, (lengths - 1).clamp(min=0)).squeeze(1)  # (B,) PAD where there is no history
        scores = self.popularity.repeat(len(last), 1)
        rows, places = entries_of(self.starts, last)
        scores[rows, self.followers[places]] += self.counts[places]
        return scores
