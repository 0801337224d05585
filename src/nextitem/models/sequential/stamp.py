"""STAMP: short-term attention and memory; the last item, beside an attentive mean of all of them.

Liu, Zeng, Mokhosi & Zhang, "STAMP: Short-Term Attention/Memory Priority Model for Session-based Recommendation",
KDD 2018, doi:10.1145/3219819.3219950. Codes followed: the authors' (uestcnlp/STAMP) and RecBoard's, by `memory`.

    m_t = x_t, the last item        m_s = mean of x_1 .. x_t
    a_i = w0 . sigmoid(W1 x_i + W2 m_t + W3 m_s + b)        m_a = sum of a_i x_i
    h_s = tanh(A m_a + b_a)         h_t = tanh(B m_t + b_b)        score(j) = x_j . (h_s * h_t)

| memory   | m_a                  | biases | x of the history          |
|----------|----------------------|--------|---------------------------|
| authors  | m_s + sum of a_i x_i | none   | no longer than 1          |
| recboard | m_t + sum of a_i x_i | all    | as learned                |
| paper    | sum of a_i x_i       | all    | as learned                |

The authors' clip is that of their runs on YooChoose (1.5 on Diginetica); x_j of the score is not clipped.
Departures:
- the product goes into the softmax as it is; the paper puts a sigmoid before, which bounds the logits;
- `score` leaves the memory out: `h_t` scores x_j . h_t (the paper's STMP without its mean), `m_t` scores x_j . m_t. On
  Amazon Beauty less is better (MTandHJ, "On the Markovian Nature of the Next-Item Recommendation Task", 2025).
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError, suggest
from nextitem.models.towers import SequenceModel

Score = Literal["full", "h_t", "m_t"]
Memory = Literal["authors", "recboard", "paper"]


class STAMP(SequenceModel):
    """STAMP: attention over a history, asked by its last item and by its mean.

    The sizes are RecBoard's.

    Arguments:
        max_length: how many of the newest items it sees; None for all (no weight depends on it).
        score: full, h_t or m_t; a part that the score leaves out is not made.
        memory: whose formulas: "authors", the code's; "recboard"; or "paper".
    """

    trains_on = ("prefix", "next_item")
    keys_before: ClassVar[dict[str, str]] = {"memory": "recboard"}

    def __init__(
        self,
        num_items: int,
        dim: int = 64,
        max_length: int | None = 50,
        score: Score = "full",
        memory: Memory = "authors",
    ) -> None:
        super().__init__(num_items, dim)
        for name, given, kinds in (("score", score, get_args(Score)), ("memory", memory, get_args(Memory))):
            if given not in kinds:
                raise InputError(f'STAMP has no {name} "{given}"; {suggest(given, kinds)}')
        self.max_length, self.formulas = max_length, memory
        has_bias = memory != "authors"
        self.current = nn.Linear(dim, dim, bias=has_bias) if score != "m_t" else None  # B
        self.attention = _Attention(dim, has_bias) if score == "full" else None
        self.memory = nn.Linear(dim, dim, bias=has_bias) if score == "full" else None  # A
        for module in self.modules():  # the paper's first weights
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.05)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.item_embedding.weight, std=0.002)
        with torch.no_grad():
            self.item_embedding.weight[PAD] = 0

    def encode(self, batch: Batch) -> Tensor:
        # The attention asks with the last item, so it is another one at every place.
        return self.encode_each(batch)

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        inputs, places = batch.inputs, places[:, None]  # (B, T), (B, 1)
        last = self._read(inputs.gather(1, places))[:, 0]  # (B, D)
        if self.current is None:
            return last
        h_t = torch.tanh(self.current(last))
        if self.attention is None or self.memory is None:
            return h_t
        is_seen = (torch.arange(inputs.shape[1], device=inputs.device) <= places) & (inputs != PAD)  # (B, T)
        attended, mean = self.attention(self._read(inputs), last, is_seen)
        added = {"authors": mean, "recboard": last, "paper": torch.zeros_like(last)}[self.formulas]
        return h_t * torch.tanh(self.memory(added + attended))

    def _read(self, items: Tensor) -> Tensor:
        """The vectors of items of a history."""
        x: Tensor = self.item_embedding(items)
        if self.formulas != "authors":
            return x
        return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1.0)


class _Attention(nn.Module):
    def __init__(self, dim: int, has_bias: bool) -> None:
        super().__init__()
        self.of_item = nn.Linear(dim, dim, bias=has_bias)  # W1, b
        self.of_last = nn.Linear(dim, dim, bias=False)  # W2
        self.of_mean = nn.Linear(dim, dim, bias=False)  # W3
        self.weight = nn.Linear(dim, 1, bias=False)  # w0

    def forward(self, items: Tensor, last: Tensor, is_seen: Tensor) -> tuple[Tensor, Tensor]:
        """Items (B, T, D), last (B, D), is_seen (B, T) -> the sum of a_i x_i and the mean, (B, D) both."""
        seen = is_seen[..., None].to(items.dtype)
        mean = (items * seen).sum(1) / seen.sum(1).clamp(min=1)
        asked = self.of_item(items) + (self.of_last(last) + self.of_mean(mean))[:, None]
        weights = self.weight(torch.sigmoid(asked)) * seen  # (B, T, 1)
        return (weights * items).sum(1), mean
