"""NARM: a recurrent network over a history, and attention over its states that the newest of them asks for.

Li, Ren, Chen, Ren, Lian & Ma, "Neural Attentive Session-based Recommendation", CIKM 2017, arXiv:1711.04725. Code
followed: RecBole's NARM.

    h_1 .. h_t = GRU(x_1 .. x_t)        a_i = v . sigmoid(A1 h_i + A2 h_t)
    score(j) = x_j . B [sum of a_i h_i; h_t]

The weights a_i are of any sign and any sum: no softmax is over them.
Departures:
- one network gives both the states that are attended and the newest one, as in that code; the paper names them apart;
- the loss is chosen outside (full cross-entropy by default, as the paper's);
- torch's GRU resets the state after its matrix product, the paper's before it.

Sizes: B rows, T positions, D dim, H hidden_dim.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.initialise import FirstWeights, initialise
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout


class NARM(SequenceModel):
    """NARM: a recurrent network over a user's items, and attention over its states.

    Sizes and dropouts of RecBole; the paper has dim 50 and hidden_dim 100.

    Arguments:
        dim: of the items' vectors.
        hidden_dim: of the recurrent state.
        dropout: of the embedded items.
        state_dropout: of the two states that the query is made of.
        max_length: how many of the newest items it reads; None for all (no weight depends on it).
        first_weights: of all matrices, "xavier" or "normal" (N(0, .02)).
    """

    trains_on = ("prefix", "next_item")

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        hidden_dim: int = 128,
        num_layers: int = 1,
        dropout: float = 0.25,
        state_dropout: float = 0.5,
        max_length: int | None = 50,
        first_weights: FirstWeights = "xavier",
    ) -> None:
        super().__init__(num_items, dim)
        self.max_length = max_length
        self.dropout, self.state_dropout = Dropout(dropout), Dropout(state_dropout)
        self.gru = nn.GRU(dim, hidden_dim, num_layers, bias=False, batch_first=True)
        self.of_each = nn.Linear(hidden_dim, hidden_dim, bias=False)  # A1
        self.of_newest = nn.Linear(hidden_dim, hidden_dim, bias=False)  # A2
        self.weight = nn.Linear(hidden_dim, 1, bias=False)  # v
        self.output = nn.Linear(2 * hidden_dim, dim, bias=False)  # B
        initialise(self, first_weights)

    def encode(self, batch: Batch) -> Tensor:
        states, keys = self._read(batch)
        places = torch.arange(states.shape[1], device=states.device)
        return torch.stack([self._asked(states, keys, place.expand(len(states))) for place in places], 1)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        return self._asked(*self._read(batch), places)

    def _read(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The states and what the attention takes of each, (B, T, H) both."""
        states, _ = self.gru(self.dropout(self.item_embedding(batch.inputs)))
        return states, self.of_each(states)

    def _asked(self, states: Tensor, keys: Tensor, places: Tensor) -> Tensor:
        """The queries (B, D) at one place of each row, (B,): what is newer has no weight there, and so no padding."""
        newest = states[torch.arange(len(states), device=states.device), places]  # (B, H)
        is_seen = torch.arange(states.shape[1], device=states.device) <= places[:, None]  # (B, T)
        weights = self.weight(torch.sigmoid(keys + self.of_newest(newest)[:, None])) * is_seen[..., None]
        attended = (weights * states).sum(1)
        query: Tensor = self.output(self.state_dropout(torch.cat([attended, newest], 1)))
        return query
