"""Mamba4Rec: selective state spaces read the items of a user, in time that grows with the length alone.

Liu et al., "Mamba4Rec: Towards Efficient Sequential Recommendation with Selective State Space Models", 2024,
arXiv:2403.03900.
Code followed: the authors' (chengkai-liu/Mamba4Rec, on RecBole), and its rebuild without RecBole
(AlwaysFHao/Mamba4RecWithoutRecbole), in which the feed-forward layers have lost size and norm: here they have both.
Departures:
- the softmax runs over the items; theirs includes the padding's row, which can then be recommended;
- the loss is chosen outside: full cross-entropy by default; BPR is the other that the authors offer;
- rows of all batch kinds; theirs are one sample a prefix (`batches: prefix`);
- only real positions are worked on: rows stand one after another, without padding.

Sizes: B batch, T length, P real positions of the batch, M of them asked for, D dim.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.initialise import FirstWeights, initialise_maps
from nextitem.models.streaming import Streaming
from nextitem.models.with_contents import WithContents
from nextitem.nn.dropout import Dropout
from nextitem.nn.kernels.choose import is_traced
from nextitem.nn.mamba import Initialisation, MambaBlock, MambaState, ScanBlock
from nextitem.nn.mamba2 import Mamba2Block
from nextitem.nn.mamba3 import Mamba3Block, Mamba3State
from nextitem.nn.mixed_layer import NORM_EPS, MixedLayer
from nextitem.nn.scan import Rows

Block = Literal["mamba", "mamba2", "mamba3"]
BlockState = MambaState | Mamba3State


class Mamba4Rec(WithContents, Streaming[tuple[BlockState, ...]]):
    """Mamba4Rec: selective state spaces over the items of a user, oldest to newest.

    One layer and the paper's sizes.

    Arguments:
        d_state: numbers of state a channel.
        d_conv: items that the convolution before the scan sees; mamba3 has none.
        expand: channels of the scan, in multiples of dim.
        max_length: how many of the newest items it reads in training and in batches; None for all.
        initialisation: of the Mamba block, "official" as its authors have it; "recbole" as the code of Mamba4Rec
            leaves it, which draws linear maps from N(0, 0.02) and clears the biases of the step sizes (not mamba2's).
        block: "mamba", the paper's; or "mamba2", whose channels share one decay a head, so that its scan is made of
            matrix products and d_state can be large (Dao & Gu, ICML 2024, arXiv:2405.21060); or "mamba3", whose decays
            and turning states depend on the items, and which has no convolution (Lahoti et al., ICLR 2026).
        head_dim: channels of a head of mamba2 and mamba3; mamba has no heads.
        first_weights: of embeddings and feed-forward layers, "normal" (N(0, .02), the authors') or "xavier".
    """

    reads_ratings = True

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 1,
        d_state: int = 32,
        d_conv: int = 4,
        expand: int = 2,
        dropout: float = 0.2,
        max_length: int | None = 50,
        initialisation: Initialisation = "recbole",
        block: Block = "mamba",
        head_dim: int = 64,
        first_weights: FirstWeights = "normal",
    ) -> None:
        super().__init__(num_items, dim)
        if num_layers < 1:
            raise InputError(f"Mamba4Rec: num_layers must be at least 1, found {num_layers}")
        self.max_length, self.first_weights = max_length, first_weights
        self.dropout = Dropout(dropout)
        self.input_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        sizes = dim, d_state, d_conv, expand
        self.layers = nn.ModuleList(
            MambaLayer(make_block(block, *sizes, head_dim, initialisation), dim, dropout, num_layers > 1)
            for _ in range(num_layers)
        )
        initialise_maps(self.item_embedding, first_weights)
        if first_weights == "xavier":  # the layers begin as normal
            for layer in self._each_layer():
                initialise_maps(layer.feed_forward, first_weights)

    def encode(self, batch: Batch) -> Tensor:
        x, rows = self._embed(batch)
        for layer in self._each_layer():
            x = layer(x, rows)
        return F.pad(rows.pad(x), (0, 0, 0, batch.inputs.shape[1] - rows.longest))

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        x, rows = self._embed(batch)
        *below, last = self._each_layer()
        for layer in below:
            x = layer(x, rows)
        return last(x, rows, rows.starts + places)

    def _embed(self, batch: Batch) -> tuple[Tensor, Rows]:
        """(B, T) -> (P, D), the real positions one row after another; of an empty row its first padding counts.

        Who traces the operations, to export them, cannot have sizes that depend on the items: there the padding is read
        too, after all items of its row, on whose states it tells nothing.
        """
        inputs, ratings = batch.inputs, batch.ratings
        if is_traced():
            flat = None if ratings is None else ratings.flatten()
            return self._enter(inputs.flatten(), flat), Rows.padded(*inputs.shape)
        lengths = (inputs != PAD).sum(1).clamp(min=1)
        is_real = torch.arange(inputs.shape[1], device=inputs.device) < lengths[:, None]
        return self._enter(inputs[is_real], None if ratings is None else ratings[is_real]), Rows.packed(lengths)

    def _enter(self, items: Tensor, ratings: Tensor | None = None) -> Tensor:
        """(P,) -> (P, D)"""
        return self.input_norm(self.dropout(self.with_ratings(self.input_vectors(items), items, ratings)))

    def begin(self, num_rows: int) -> tuple[BlockState, ...]:
        return tuple(layer.mamba.start(num_rows) for layer in self._each_layer())

    def read(self, items: Tensor, memory: tuple[BlockState, ...]) -> tuple[Tensor, tuple[BlockState, ...]]:
        x, after = self._enter(items), []
        for layer, before in zip(self._each_layer(), memory, strict=True):
            x, state = layer.step(x, before)
            after.append(state)
        return x, tuple(after)

    def _each_layer(self) -> list[MambaLayer]:
        return [layer for layer in self.layers if isinstance(layer, MambaLayer)]


def make_block(
    name: Block, dim: int, d_state: int, d_conv: int, expand: int, head_dim: int, initialisation: Initialisation
) -> ScanBlock[Any]:
    if name == "mamba":
        return MambaBlock(dim, d_state, d_conv, expand, initialisation=initialisation)
    if name == "mamba2":
        return Mamba2Block(dim, d_state, d_conv, expand, head_dim, initialisation=initialisation)
    if name == "mamba3":
        return Mamba3Block(dim, d_state, expand, head_dim, initialisation=initialisation)
    raise InputError(f'there is no block "{name}"; {suggest(name, get_args(Block))}')


class MambaLayer(MixedLayer):
    """The block alone is what mixes."""

    def forward(self, x: Tensor, rows: Rows, places: Tensor | None = None) -> Tensor:
        """(P, D) -> (P, D), or with `places` (M,) -> (M, D): these alone."""
        return self.after(self.mamba.over(x, rows, places), x if places is None else x[places])

    def step(self, x: Tensor, before: BlockState) -> tuple[Tensor, BlockState]:
        m, state = self.mamba.step(x, before)
        return self.after(m, x), state
