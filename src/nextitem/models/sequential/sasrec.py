"""SASRec: self-attention over the items of a user, oldest to newest.

Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv:1808.09781.
Codes followed: the authors' (kang205/SASRec), SASRec.pytorch, RecBoard and RecBole, whose layouts are `norm`.
Departures:
- padding stands after the newest item; positions are counted back from the newest by default, which keeps the vectors
  that the left-padded original learns;
- the loss is chosen outside (full cross-entropy by default; `bce` with one negative is the paper's);
- attention weights of padded keys need no masking, since the causal mask hides them from every real position.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.attentive import shares_of
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.positions import Positions, check_positions, position_numbers
from nextitem.models.towers import newest_places
from nextitem.models.with_contents import WithContents
from nextitem.nn.blocks import AttentionStack, Norm
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import NORM_EPS


class SASRec(WithContents):
    """SASRec: self-attention over the items of a user, oldest to newest.

    Width, blocks, heads and dropout are as in the paper, but for dim 64 (paper: 50), the size of RecBoard's tables.

    Arguments:
        max_length: how many of the newest items it sees.
        norm: where layer norms and residuals stand, FreeRec's layout by default; see `nextitem.nn.blocks`.
        tied: score with the input embedding of an item; False learns a second table.
        scale_embeddings: multiply item embeddings by sqrt(dim), as the codes do; by default in all layouts but bert,
            which norms them instead.
        first_weights: of all matrices, "normal" (N(0, .02), zero biases), or "xavier", as SASRec.pytorch and FreeRec
            have them. Validation NDCG@10 on Amazon Beauty .0710 and .0684, and normal .0726 with a row a user; on the
            long histories of MovieLens-100k .1171 and .1339; one seed. The recipes for long histories take xavier.
        positions: counted from the "newest" item, or from the "oldest" of the `max_length` that it sees.
        projection: a linear map after the heads of attention, as the PyTorch codes have it; False as gSASRec.
    """

    reads_ratings = True
    num_marks: ClassVar[int] = 0  # of a model of this shape that hides items

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.5,
        max_length: int = 50,
        norm: Norm = "freerec",
        tied: bool = True,
        scale_embeddings: bool | None = None,
        first_weights: FirstWeights = "normal",
        positions: Positions = "newest",
        projection: bool = True,
    ) -> None:
        super().__init__(num_items, dim, self.num_marks)
        self.max_length, self.positions = max_length, check_positions(positions)
        self.first_weights = first_weights
        is_scaled = norm != "bert" if scale_embeddings is None else scale_embeddings
        self.scale = dim**0.5 if is_scaled else 1.0
        self.position_embedding = nn.Embedding(max_length, dim)  # row 0 is the newest item's, or the oldest's
        self.input_norm = nn.LayerNorm(dim, eps=NORM_EPS) if norm == "bert" else nn.Identity()
        self.dropout = Dropout(dropout)
        self.stack = AttentionStack(dim, num_layers, num_heads, dropout, norm, projection)
        self.output_embedding = None if tied else nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        initialise(self, first_weights)

    def encode(self, batch: Batch) -> Tensor:
        return self.stack(self.embed(batch))

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        return self.stack(self.embed(batch), places)[:, 0]

    def attention_shares(self, batch: Batch) -> Tensor:
        """What the last block takes of each item (B, T) at the newest one, as `Attentive` has it."""
        return shares_of(self.stack.weights(self.embed(batch), newest_places(batch.inputs)), batch.inputs)

    def embed(self, batch: Batch) -> Tensor:
        """What goes into the first block (B, T, D)."""
        inputs = batch.inputs
        positions = self.position_embedding(position_numbers(inputs, self.positions))
        x = self.with_ratings(self.input_vectors(inputs) * self.scale + positions, inputs, batch.ratings)
        entered: Tensor = self.dropout(self.input_norm(x))
        return entered

    def output_table(self) -> nn.Embedding | None:
        return self.output_embedding
