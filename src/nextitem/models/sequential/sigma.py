"""SIGMA: a Mamba block that reads a history twice, as it is and with its older part turned round; gates; a GRU.

Liu et al., "SIGMA: Selective Gated Mamba for Sequential Recommendation", AAAI 2025, arXiv:2408.11451.
Code followed: the authors' `gated_mamba.py`, on RecBole (ziwliu-cityu/SIGMA). With x the normed embeddings of a
history, x' the same items, all but the newest `num_kept` of them from newest to oldest, and one Mamba block M for both:

    m = M(x) (1 + g(x + P x))        m' = M(x') (1 + g(x' + P' x'))        g(h) = dropout(S SiLU(h) + T sigmoid(h))
    r = GRU(convolution over three neighbours of x)        y = Q (w_1 m + w_2 m' + w_3 r)

and the state after the newest item is y there, norms and feed-forward layers around it as in Mamba4Rec.
Departures:
- the older part is that of the items that there are. The authors turn round the first 45 of 50 places with their
  padding, so that of histories of fewer than 23 items the turned one is padding where it is read;
- the second gate is made of its own h; theirs takes T sigmoid of the first gate's result, most likely by a slip;
- the convolution finds zeros beyond the newest item; theirs, in short histories, the normed vector of the padding, and
  the softmax runs over the items; theirs includes the padding's row, which can then be recommended;
- the gates' dropout is that of the layers; theirs is .2 whatever the others are.
As in their code, w begins as .8, .1, .1 and is not normed (they compute a softmax of it and do not use it). Since the
turned half shows later items to earlier places, a row is a prefix with one target, as RecBole has it; places in between
are read as the ends of prefixes of their own.

Sizes: B batch, T length, P real positions of the batch, M of them asked for, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.initialise import FirstWeights, initialise_maps
from nextitem.models.towers import SequenceModel
from nextitem.nn.dropout import Dropout
from nextitem.nn.mamba import MambaBlock
from nextitem.nn.mixed_layer import NORM_EPS, MixedLayer
from nextitem.nn.scan import Rows

FIRST_SHARES = (0.8, 0.1, 0.1)  # of the history as it is, turned round, and read by the GRU


class SIGMA(SequenceModel):
    """SIGMA: a Mamba block that reads a history twice, as it is and with its older part turned round, behind gates.

    One layer and the authors' sizes.

    Arguments:
        d_state, d_conv, expand: of the Mamba block (see Mamba4Rec).
        num_kept: how many of the newest items the turned history keeps in order (5 of the authors' 50).
        dropout: of embeddings, layers and gates.
        first_weights: of embeddings and linear maps, "normal" (N(0, .02), RecBole's) or "xavier".
    """

    trains_on = ("prefix",)

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 1,
        d_state: int = 32,
        d_conv: int = 4,
        expand: int = 2,
        num_kept: int = 5,
        dropout: float = 0.2,
        max_length: int | None = 50,
        first_weights: FirstWeights = "normal",
    ) -> None:
        super().__init__(num_items, dim)
        if num_layers < 1 or num_kept < 0:
            raise InputError(f"SIGMA: num_layers must be at least 1 and num_kept 0, found {num_layers} and {num_kept}")
        self.max_length = max_length
        self.num_kept = num_kept
        self.dropout = Dropout(dropout)
        self.input_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.layers = nn.ModuleList(
            SIGMALayer(MambaBlock(dim, d_state, d_conv, expand), dim, dropout, num_layers > 1)
            for _ in range(num_layers)
        )
        initialise_maps(self, first_weights)  # as RecBole does to the Mamba block too: initialisation "recbole" there

    def encode(self, batch: Batch) -> Tensor:
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        inputs = batch.inputs
        lengths = torch.minimum((inputs != PAD).sum(1), places + 1).clamp(min=1)
        rows = Rows.packed(lengths)
        turned = turned_places(rows, self.num_kept)
        is_read = torch.arange(inputs.shape[1], device=inputs.device) < lengths[:, None]
        x = self.input_norm(self.dropout(self.item_embedding(inputs[is_read])))  # (P, D)
        *below, last = (layer for layer in self.layers if isinstance(layer, SIGMALayer))
        for layer in below:
            x = layer(x, turned, rows)
        return last(x, turned, rows, rows.starts + lengths - 1)


class SIGMALayer(MixedLayer):
    """The authors' G-Mamba block is what mixes."""

    def __init__(self, mamba: MambaBlock, dim: int, dropout: float, has_residual: bool) -> None:
        super().__init__(mamba, dim, dropout, has_residual)
        self.of_straight, self.of_turned = nn.Linear(dim, dim), nn.Linear(dim, dim)  # P, P'
        self.of_silu, self.of_sigmoid = nn.Linear(dim, dim), nn.Linear(dim, dim)  # S, T
        self.neighbours = nn.Conv1d(dim, dim, kernel_size=3, padding=1)
        self.gru = nn.GRU(dim, dim, bias=False, batch_first=True)
        self.shares = nn.Parameter(torch.tensor(FIRST_SHARES))  # w
        self.projection = nn.Linear(dim, dim)  # Q

    def forward(self, x: Tensor, turned: Tensor, rows: Rows, places: Tensor | None = None) -> Tensor:
        """x (P, D), turned (P,): where each place of the turned history is taken from -> (P, D), or places' (M, D)."""
        backwards = x[turned]
        m, n = self.mamba.over(x, rows, places), self.mamba.over(backwards, rows, places)
        read_on = self._read_on(x, rows)
        if places is not None:
            x, backwards, read_on = x[places], backwards[places], read_on[places]
        m, n = self._gated(m, x, self.of_straight), self._gated(n, backwards, self.of_turned)
        return self.after(self.projection(torch.stack([m, n, read_on], -1) @ self.shares), x)

    def _gated(self, mixed: Tensor, x: Tensor, linear: nn.Linear) -> Tensor:
        h = x + linear(x)
        gate = self.dropout(self.of_silu(F.silu(h)) + self.of_sigmoid(torch.sigmoid(h)))
        return mixed * (1 + gate)

    def _read_on(self, x: Tensor, rows: Rows) -> Tensor:
        padded = rows.pad(x, max(rows.longest, 1))  # (B, T, D), zeros beyond a row's ends; no batch is 0 wide to torch
        padded = self.neighbours(padded.transpose(1, 2)).transpose(1, 2)
        return rows.flatten(self.gru(padded)[0])


def turned_places(rows: Rows, num_kept: int) -> Tensor:
    """(P,): for each place of packed rows the one to take instead, which turns round all but the last `num_kept`.

    >>> turned_places(Rows.packed(torch.tensor([5, 2])), 2).tolist()
    [2, 1, 0, 3, 4, 5, 6]
    """
    starts = rows.starts.repeat_interleave(rows.lengths)
    num_turned = (rows.lengths - num_kept).clamp(min=0).repeat_interleave(rows.lengths)
    steps = torch.arange(rows.num_positions, device=starts.device) - starts
    return starts + torch.where(steps < num_turned, num_turned - 1 - steps, steps)
