"""The frame: by plain loops over places, with attention, and with a mixer that does nothing.

Sizes: B rows, T places, D dim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.attention import CausalAttention
from nextitem.nn.blocks import AttentionMixer
from nextitem.nn.frame import Frame, FrameBlock, Mixer
from nextitem.testing import NUM_ITEMS, batch_of

DIM = 6


class Nothing(Mixer):
    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        return torch.zeros_like(x if places is None else x[:, :1])


class Before(Mixer):
    """The sum of the places before, and what it was told."""

    def forward(self, x: Tensor, places: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
        self.told = places, lengths
        mixed = x.cumsum(1) - x
        return mixed if places is None else mixed[torch.arange(len(x)), places][:, None]


def framed(mixers: Sequence[Mixer], dropout: float = 0.0) -> Frame:
    return Frame(FrameBlock(mixer, DIM, dropout) for mixer in mixers)


def normed(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    mean = sum(x) / len(x)
    spread = math.sqrt(sum((one - mean) ** 2 for one in x) / len(x) + 1e-12)
    return torch.stack([(one - mean) / spread for one in x]) * norm.weight + norm.bias


def gelu(x: Tensor) -> Tensor:
    return torch.stack([one * 0.5 * (1 + math.erf(one / math.sqrt(2))) for one in x])


def fed(block: FrameBlock, x: Tensor) -> Tensor:
    inner, _, outer = block.feed_forward
    wide = gelu(inner.weight @ x + inner.bias)  # type: ignore[operator]
    return normed(x + outer.weight @ wide + outer.bias, block.feed_forward_norm)  # type: ignore[operator]


def attention_of(block: nn.Module) -> CausalAttention:
    assert isinstance(block, FrameBlock)
    assert isinstance(block.mixer, AttentionMixer)
    return block.mixer.attention


def scattered(module: nn.Module) -> None:
    """Numbers of which none is the one that a norm or a bias begins with."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)


@torch.no_grad()
def test_by_plain_loops() -> None:
    frame = framed([Before(), Before()], 0.5).double().eval()
    scattered(frame)
    x = torch.randn(2, 4, DIM, dtype=torch.float64)
    found = frame(x)
    for row in range(2):
        states = list(x[row])
        for block in frame.blocks:
            assert isinstance(block, FrameBlock)
            before = [sum(states[:place], torch.zeros(DIM)) for place in range(4)]
            mixed = [normed(x + more, block.mixer_norm) for x, more in zip(states, before, strict=True)]
            states = [fed(block, one) for one in mixed]
        torch.testing.assert_close(found[row], torch.stack(states), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("num_layers", [0, 1, 2])
def test_a_place_alone_has_the_state_that_it_has_beside_the_others(num_layers: int) -> None:
    frame = framed([Before() for _ in range(num_layers)]).double()
    x, places = torch.randn(3, 5, DIM, dtype=torch.float64), torch.tensor([4, 0, 2])
    torch.testing.assert_close(frame(x, places)[:, 0], frame(x)[torch.arange(3), places])


def test_the_last_mixer_alone_is_told_the_places_and_each_the_lengths() -> None:
    mixers, places, lengths = [Before(), Before()], torch.tensor([1, 0]), torch.tensor([3, 1])
    framed(mixers)(torch.randn(2, 3, DIM), places, lengths)
    assert [one.told[0] is places for one in mixers] == [False, True]
    assert all(one.told[1] is lengths for one in mixers)


def test_without_mixing_a_state_is_of_its_place_alone() -> None:
    frame, x = framed([Nothing(), Nothing()]), torch.randn(1, 3, DIM)
    torch.testing.assert_close(frame(x)[:, 2], frame(x[:, 2:])[:, 0])


@torch.no_grad()
def test_sasrec_in_berts_layout_by_plain_loops() -> None:
    model = SASRec(NUM_ITEMS, dim=DIM, num_layers=2, num_heads=2, max_length=5, norm="bert").double().eval()
    scattered(model)
    row = [3, 1, 4, 1]
    items, positions = model.item_embedding.weight, model.position_embedding.weight
    assert isinstance(model.input_norm, nn.LayerNorm)
    states = [normed(items[item] + positions[3 - place], model.input_norm) for place, item in enumerate(row)]
    for block in model.stack.blocks:
        attention = attention_of(block)
        query, key, value = ([part(x) for x in states] for part in (attention.query, attention.key, attention.value))
        mixed = []
        for place in range(4):
            heads = []
            for half in (slice(0, 3), slice(3, 6)):
                scores = torch.stack([query[place][half] @ key[seen][half] / 3**0.5 for seen in range(place + 1)])
                weights = scores.softmax(0)
                heads.append(sum((weights[seen] * value[seen][half] for seen in range(place + 1)), torch.zeros(3)))
            mixed.append(attention.output(torch.cat(heads)))
        mixed = [normed(x + more, block.mixer_norm) for x, more in zip(states, mixed, strict=True)]  # type: ignore[arg-type]
        states = [fed(block, one) for one in mixed]  # type: ignore[arg-type]
    found = model.encode(Batch.of(torch.tensor([[*row, 0]])))[0, :4]
    torch.testing.assert_close(found, torch.stack(states), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("norm", "given", "scale"), [("bert", None, 1), ("post", None, 3), ("bert", True, 3)])
def test_embeddings_are_scaled_by_default_where_they_are_not_normed(norm: str, given: bool | None, scale: int) -> None:
    model = SASRec(NUM_ITEMS, dim=9, norm=norm, scale_embeddings=given)  # type: ignore[arg-type]
    assert model.scale == scale


def test_berts_layout_sees_the_newest_item_alone_once_attention_is_off() -> None:
    model = SASRec(NUM_ITEMS, dim=DIM, norm="bert", max_length=5).eval()
    for block in model.stack.blocks:
        nn.init.zeros_(attention_of(block).output.get_parameter("weight"))
    one, other = model.query(batch_of(model, [[1, 2, 3], [5, 3]]))
    torch.testing.assert_close(one, other)
