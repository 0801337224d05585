"""Batches by name: training rows cut into tensors. `ni.batches.PairBatches(split.train, 512)`.

`ni.fit` makes those that the model trains on by itself; who wants others makes them here and passes them.
"""

from nextitem.data.batches import (
    BagBatches,
    Batch,
    Batches,
    ClozeBatches,
    NextItemBatches,
    PairBatches,
    PrefixBatches,
    RowBatches,
    Wanted,
    history_batch,
)

__all__ = [
    "BagBatches",
    "Batch",
    "Batches",
    "ClozeBatches",
    "NextItemBatches",
    "PairBatches",
    "PrefixBatches",
    "RowBatches",
    "Wanted",
    "history_batch",
]
