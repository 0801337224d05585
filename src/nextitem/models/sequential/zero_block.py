"""ZeroBlock: SASRec without a block. The score is the inner product of the last item's vector with the candidate's.

MTandHJ, "On the Markovian Nature of the Next-Item Recommendation Task", 2025, equation 8: on Amazon Beauty it is as
good as SASRec with one to four blocks when both see the last item only.
Departure: dropout on the input vector, as in the model that it is compared with.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout


class ZeroBlock(SequenceModel):
    """ZeroBlock: a score of an item after the last one alone, SASRec without its blocks.

    s(j | last item i) = sqrt(dim) * e_i . e_j

    Arguments:
        first_weights: of the items' table, "xavier" or "normal" (N(0, .02)).
    """

    max_length = 1
    trains_on = ("prefix", "next_item")  # with histories of one item, a row a user would be one target a user

    def __init__(
        self, num_items: int, dim: int = 64, dropout: float = 0.5, first_weights: FirstWeights = "xavier"
    ) -> None:
        super().__init__(num_items, dim)
        self.scale = dim**0.5  # SASRec's, so that both start alike
        self.dropout = Dropout(dropout)
        initialise(self, first_weights)

    def encode(self, batch: Batch) -> Tensor:
        return self.dropout(self.item_embedding(batch.inputs) * self.scale)
