"""BERT4Rec: items are hidden at random and guessed from both sides; to recommend, the place after the newest is hidden.

Sun et al., "BERT4Rec: Sequential Recommendation with Bidirectional Encoder Representations from Transformer", CIKM
2019, arXiv:1904.06690.
Code followed: the authors' (FeiSun/BERT4Rec, BERT in TensorFlow), with RecBoard's heads, length and schedule.
Departures:
- padding stands after the newest item; positions are counted back from the newest by default, so that the hidden place
  to be recommended for is position 0 whatever the length of the history (the authors count from the oldest);
- a row is a user's `max_length` newest items, masked anew every epoch; the authors draw ten fixed maskings of every
  user, cut long rows into overlapping windows, and add each row once more with the newest item alone masked;
- the softmax runs over the items, not over the padding and the mask as well;
- N(0, .02) first weights are not cut off at two deviations;
- no warm-up and no linear decay of the learning rate; weight decay is the recipe's.

Sizes: B rows, T positions, D dim, V = num_items + 1.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.attentive import shares_of
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.positions import Positions, check_positions, position_numbers
from nextitem.models.towers import newest_places
from nextitem.models.with_contents import WithContents
from nextitem.nn.attention import parted
from nextitem.nn.dropout import Dropout
from nextitem.nn.transformer import BidirectionalBlock


class BERT4Rec(WithContents):
    """BERT4Rec: items hidden in a history are found from both sides of it.

    Sizes and dropout of the paper (2 layers, dim 64, feed-forward 4 dim); heads and length of RecBoard.

    Arguments:
        max_length: positions; to recommend, the mask takes one and the `max_length` - 1 newest items the others.
        first_weights: "normal", N(0, .02), as BERT has them, or "xavier".
        positions: counted from the "newest" place, or from the "oldest", as the authors do.
    """

    is_causal = False
    reads_ratings = True
    takes_contrast = False  # its training rows have holes already
    trains_on = ("cloze",)

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 4,
        dropout: float = 0.2,
        max_length: int = 50,
        first_weights: FirstWeights = "normal",
        positions: Positions = "newest",
    ) -> None:
        super().__init__(num_items, dim, num_marks=1)
        self.max_length, self.positions = max_length, check_positions(positions)
        self.first_weights = first_weights
        self.mask = num_items + 1  # the id that cloze batches hide items under
        self.position_embedding = nn.Embedding(max_length, dim)  # row 0 is the newest place's, or the oldest's
        self.input_norm = nn.LayerNorm(dim, eps=1e-12)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(BidirectionalBlock(dim, num_heads, 4 * dim, dropout) for _ in range(num_layers))
        self.head = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.LayerNorm(dim, eps=1e-12))
        self.item_bias = nn.Parameter(torch.zeros(num_items + 1))
        initialise(self, first_weights)

    def encode(self, batch: Batch) -> Tensor:
        """The states (B, T, D + 1) of rows with masks at hidden places; the last column, 1, meets the bias of items."""
        x, lengths = self._embedded(batch), (batch.inputs != PAD).sum(1)
        for block in self.blocks:
            x = block(x, lengths)
        return F.pad(self.head(x), (0, 1), value=1.0)

    def _embedded(self, batch: Batch) -> Tensor:
        """What goes into the first block (B, T, D)."""
        inputs = batch.inputs
        x = self.input_vectors(inputs) + self.position_embedding(position_numbers(inputs, self.positions))
        x = self.with_ratings(x, inputs, batch.ratings)  # of hidden items none
        entered: Tensor = self.dropout(self.input_norm(x))
        return entered

    def item_vectors(self) -> Tensor:
        """The embedding of each item and its bias (V, D + 1)."""
        return torch.cat([super().item_vectors(), self.item_bias[:, None]], 1)

    def query(self, batch: Batch) -> Tensor:
        masked = self.with_mask(batch)
        return self.encode_at(masked, newest_places(masked.inputs))

    def attention_shares(self, batch: Batch) -> Tensor:
        """What the last block takes of each item (B, T) at the mask, as `Attentive` has it; itself has the rest."""
        masked = self.with_mask(batch)
        x, lengths = self._embedded(masked), (masked.inputs != PAD).sum(1)
        before, last = parted(self.blocks)
        for block in before:
            x = block(x, lengths)
        assert isinstance(last, BidirectionalBlock)
        shares = shares_of(last.weights(x, lengths, lengths - 1), masked.inputs)
        whole = shares.new_zeros(len(shares), batch.inputs.shape[1] + 1).scatter(1, self._read_places(batch), shares)
        return whole[:, :-1].where(batch.inputs != PAD, 0.0)  # without the mask, which stands behind the newest item

    def with_mask(self, batch: Batch) -> Batch:
        """Histories (B, T) cut to (B, min(T + 1, max_length)): the newest items that leave a place, then the mask.

        With max_length 3 and mask 9, [[1, 2, 3], [4, 0, 0]] becomes [[2, 3, 9], [4, 9, 0]].
        """
        lengths = (batch.inputs != PAD).sum(1, keepdim=True)  # (B, 1)
        longer, places = batch.with_inputs(lambda x: F.pad(x, (0, 1))), self._read_places(batch)
        masked = replace(longer, inputs=longer.inputs.scatter(1, lengths, self.mask))
        return masked.with_inputs(lambda x: x.gather(1, places))

    def _read_places(self, batch: Batch) -> Tensor:
        """(B, min(T + 1, max_length)): which places are read of a history and the mask behind it."""
        num_positions = self.position_embedding.num_embeddings
        oldest = ((batch.inputs != PAD).sum(1, keepdim=True) + 1 - num_positions).clamp(min=0)
        width = min(batch.inputs.shape[1] + 1, num_positions)
        return oldest + torch.arange(width, device=oldest.device)
