"""CORE: the query is a mixture of the items' own vectors, compared with items by cosines.

Hou, Hu, Zhang & Zhao, "CORE: Simple and Effective Session-based Recommendation within Consistent Representation Space",
SIGIR 2022, arXiv:2204.11067. Code followed: RecBole's CORE, in which the authors publish it.

    w = softmax of a . transformer(x_1 .. x_t)        q = w_1 x_1 + .. + w_t x_t
    score(j) = cos(q, x_j) / temperature

Departures:
- layer norms begin with weights of 1; that code draws them, as all else, between -1 and 1 over the root of `dim`;
- the loss is chosen outside (full cross-entropy by default, as the paper's).

Sizes: B rows, T positions, Q of them that ask, D dim, V items and the padding.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.attentive import shares_of
from nextitem.models.positions import position_numbers
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.blocks import AttentionStack
from nextitem.nn.dropout import Dropout
from nextitem.nn.frame import NORM_EPS
from nextitem.nn.scorers import unit

Net = Literal["transformer", "mean"]


class CORE(SequenceModel):
    """CORE: a mixture of the items of a history, in the space of the items themselves.

    Sizes, dropouts and temperature of RecBole. A history of one item asks for what is like it, whatever was learned
    of mixtures: likeness has no direction, so that what follows from what is not told apart by which came first.

    Arguments:
        dropout: inside the transformer.
        history_dropout: of the vectors that are mixed.
        item_dropout: of the vectors that the query is compared with, in training.
        max_length: how many of the newest items it sees.
        net: what weighs the items: a "transformer" or, of equal weights, their "mean".
        temperature: by which cosines are divided.
    """

    trains_on = ("prefix", "next_item")

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.5,
        history_dropout: float = 0.2,
        item_dropout: float = 0.2,
        max_length: int = 50,
        net: Net = "transformer",
        temperature: float = 0.07,
    ) -> None:
        super().__init__(num_items, dim)
        if net not in get_args(Net):
            raise InputError(f'CORE has no net "{net}"; {suggest(net, get_args(Net))}')
        if temperature <= 0:
            raise InputError(f"CORE: temperature must be above 0, found {temperature}")
        self.max_length, self.temperature = max_length, temperature
        self.history_dropout, self.item_dropout = Dropout(history_dropout), Dropout(item_dropout)
        is_weighed = net == "transformer"
        self.weigher = _Weigher(dim, num_layers, num_heads, dropout, max_length) if is_weighed else None
        _initialise(self, dim**-0.5)

    def encode(self, batch: Batch) -> Tensor:
        places = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        return self._mixed(batch.inputs, places[None])

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        return self._mixed(batch.inputs, places[:, None])[:, 0]

    def attention_shares(self, batch: Batch) -> Tensor:
        """The shares of the items (B, T) in the query, as `Attentive` has it."""
        x, places = self.history_dropout(self.item_embedding(batch.inputs)), newest_places(batch.inputs)
        return shares_of(self._weights(x, batch.inputs, places[:, None])[:, None], batch.inputs)

    def _mixed(self, inputs: Tensor, places: Tensor) -> Tensor:
        """The queries (B, Q, D) at places (B or 1, Q) of inputs (B, T)."""
        x = self.history_dropout(self.item_embedding(inputs))
        return unit(self._weights(x, inputs, places) @ x) / self.temperature

    def _weights(self, x: Tensor, inputs: Tensor, places: Tensor) -> Tensor:
        """w (B, Q, T) of vectors x (B, T, D), at places (B or 1, Q) of inputs (B, T)."""
        logits = x.new_zeros(inputs.shape) if self.weigher is None else self.weigher(x, inputs)  # (B, T)
        is_newer = torch.arange(inputs.shape[1], device=inputs.device) > places[..., None]  # (B or 1, Q, T)
        return logits[:, None].masked_fill(is_newer, float("-inf")).softmax(-1)

    def item_vectors(self) -> Tensor:
        return unit(self.item_dropout(self.item_embedding.weight))


class _Weigher(nn.Module):
    """What each item counts for, by the items up to it; positions are counted from the oldest."""

    def __init__(self, dim: int, num_layers: int, num_heads: int, dropout: float, max_length: int) -> None:
        super().__init__()
        self.position_embedding = nn.Embedding(max_length, dim)
        self.input_norm = nn.LayerNorm(dim, eps=NORM_EPS)
        self.dropout = Dropout(dropout)
        self.stack = AttentionStack(dim, num_layers, num_heads, dropout, "bert")
        self.output = nn.Linear(dim, 1, bias=False)  # a; the softmax would cancel a bias

    def forward(self, x: Tensor, inputs: Tensor) -> Tensor:
        """Vectors (B, T, D) of the items (B, T) -> (B, T)."""
        positions = self.position_embedding(position_numbers(inputs, "oldest"))
        logits: Tensor = self.output(self.stack(self.dropout(self.input_norm(x + positions))))
        return logits[..., 0]


def _initialise(module: nn.Module, bound: float) -> None:
    """All weights and biases but those of norms evenly between -bound and bound, the padding's vector zero."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            for parameter in part.parameters():
                nn.init.uniform_(parameter, -bound, bound)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[PAD] = 0
