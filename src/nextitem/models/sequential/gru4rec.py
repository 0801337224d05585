"""GRU4Rec: a gated recurrent network that reads a row item by item.

Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016, arXiv:1511.06939.
Code followed: RecBoard's GRU4Rec (a GRU without biases, a linear map back to the items' space, one table of items for
input and output); the paper's authors publish theirs in Theano (hidasib/GRU4Rec).
Departures:
- the loss is chosen outside: full cross-entropy by default, where the paper ranks the target above the other targets
  of its batch (TOP1, BPR) and RecBoard trains `bce` with one negative on prefixes;
- a row is a user's whole history, and the gradient runs through all of its steps; the authors train on many sessions
  side by side, one step at a time, and hand the state on without its gradient;
- the input is an embedding, tied to the output, as in the authors' later `constrained_embedding`; the paper feeds
  one-hot vectors and learns the output weights apart;
- torch's GRU resets the state after its matrix product, the paper's before it;
- first weights are Xavier-normal throughout by default; RecBoard's are Xavier-uniform in the GRU and torch's in the
  linear map.
"""

from __future__ import annotations

from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.streaming import Streaming
from nextitem.models.with_contents import WithContents
from nextitem.nn.dropout import Dropout


class GRU4Rec(WithContents, Streaming[Tensor]):
    """GRU4Rec: a gated recurrent network over the items of a user, oldest to newest.

    Sizes and dropout of RecBoard; its best runs on Beauty, Sports and Toys drop 0, .5 and .1 of the embeddings.

    Arguments:
        dim: of the items' vectors.
        hidden_dim: of the recurrent state; where it differs from `dim`, a linear map leads back.
        dropout: of the embedded items, and between the layers if there are several.
        max_length: how many of the newest items it reads; None for all (no weight depends on it).
        first_weights: of all matrices, "xavier" or "normal" (N(0, .02)).
    """

    reads_ratings = True

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        hidden_dim: int = 128,
        num_layers: int = 1,
        dropout: float = 0.5,
        max_length: int | None = 50,
        first_weights: FirstWeights = "xavier",
    ) -> None:
        super().__init__(num_items, dim)
        self.max_length, self.first_weights = max_length, first_weights
        self.dropout = Dropout(dropout)
        between = dropout if num_layers > 1 else 0.0  # torch warns of a dropout that has no place
        self.gru = nn.GRU(dim, hidden_dim, num_layers, bias=False, batch_first=True, dropout=between)
        self.output = nn.Identity() if hidden_dim == dim else nn.Linear(hidden_dim, dim)
        initialise(self, first_weights)

    def encode(self, batch: Batch) -> Tensor:
        # Nothing is packed: padding stands after the newest item, where no real state has read it yet.
        x = self.with_ratings(self.input_vectors(batch.inputs), batch.inputs, batch.ratings)
        states, _ = self.gru(self.dropout(x))  # (B, T, hidden_dim)
        return self.output(states)

    def begin(self, num_rows: int) -> Tensor:
        return self.item_embedding.weight.new_zeros(self.gru.num_layers, num_rows, self.gru.hidden_size)

    def read(self, items: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        states, memory = self.gru(self.dropout(self.input_vectors(items))[:, None], memory)
        return self.output(states[:, 0]), memory
