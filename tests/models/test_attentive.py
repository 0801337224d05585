"""Attentive models: the shares of the last attention against loops over heads and items."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.attentive import Attentive
from nextitem.models.catalogue import MODELS
from nextitem.models.sequential.bert4rec import BERT4Rec
from nextitem.models.sequential.core import CORE
from nextitem.models.sequential.esasrec import ESASRec, GatedBlock
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.sequential.stosa import STOSA, StochasticBlock
from nextitem.models.sequential.tisasrec import IntervalBlock, TiSASRec
from nextitem.nn.attention import MultiHeadAttention
from nextitem.nn.blocks import NORMS, AttentionBlock, AttentionMixer, Norm
from nextitem.nn.frame import FrameBlock
from nextitem.nn.transformer import BidirectionalBlock

ROW = [3, 1, 5, 3]


def softmax(scores: Sequence[float]) -> list[float]:
    powers = [math.exp(one) for one in scores]
    return [one / sum(powers) for one in powers]


def dot(one: Tensor, other: Tensor, head: slice) -> float:
    return sum(float(a) * float(b) for a, b in zip(one[head], other[head], strict=True))


def by_hand(attention: MultiHeadAttention, asking: Tensor, context: Tensor) -> list[float]:
    """What one query (D,) takes of each row of the context (T, D), a mean over two heads of two numbers."""
    query, keys = attention.query(asking), attention.key(context)
    heads = [softmax([dot(query, key, head) / math.sqrt(2) for key in keys]) for head in (slice(0, 2), slice(2, 4))]
    return [sum(each) / 2 for each in zip(*heads, strict=True)]


def drawn(model: nn.Module) -> None:
    """Weights that are large enough for shares that differ."""
    torch.manual_seed(1)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    model.eval()


def found(model: Attentive, row: list[int], width: int = 6, times: list[int] | None = None) -> list[float]:
    """The shares of a row, which has padding behind it."""
    behind = [0] * (width - len(row))
    told = None if times is None else torch.tensor([[*times, *behind]])
    with torch.no_grad():
        shares = model.attention_shares(Batch.of(torch.tensor([[*row, *behind]]), times=told))[0].tolist()
    assert shares[len(row) :] == behind
    return shares[: len(row)]


def before_last(blocks: nn.ModuleList, x: Tensor, *beside: object) -> tuple[Tensor, nn.Module]:
    for block in list(blocks)[:-1]:
        x = block(x, *beside)
    return x[0], blocks[-1]


@pytest.mark.parametrize("norm", NORMS)
@torch.no_grad()
def test_of_sasrec_in_every_layout(norm: Norm) -> None:
    model = SASRec(6, dim=4, num_layers=2, num_heads=2, norm=norm)
    drawn(model)
    x, last = before_last(model.stack.blocks, model.embed(Batch.of(torch.tensor([ROW]))))
    if isinstance(last, FrameBlock):
        assert isinstance(last.mixer, AttentionMixer)
        wanted = by_hand(last.mixer.attention, x[-1], x)
    else:
        assert isinstance(last, AttentionBlock)
        y = last.attention_norm(x)
        query, context = {"post": (x, x), "paper": (y, y), "pre": (y, y)}.get(norm, (y, x))
        wanted = by_hand(last.attention, query[-1], context)
    assert found(model, ROW) == pytest.approx(wanted, abs=1e-5)
    assert sum(wanted) == pytest.approx(1)
    assert max(wanted) - min(wanted) > 0.05  # else a mean would pass


@torch.no_grad()
def test_of_bert4rec_the_mask_has_what_is_left() -> None:
    model = BERT4Rec(6, dim=4, num_layers=2, num_heads=2, max_length=5)
    drawn(model)
    for row in (ROW, [6, 2, *ROW]):  # the longer one is cut to the same four items, and the mask
        x = model._embedded(Batch.of(torch.tensor([[*ROW, model.mask]])))
        x, last = before_last(model.blocks, x, torch.tensor([5]))
        assert isinstance(last, BidirectionalBlock)
        wanted = by_hand(last.attention, x[-1], x)
        assert found(model, row, 7) == pytest.approx([0.0] * (len(row) - 4) + wanted[:4], abs=1e-5)
        assert wanted[4] > 0.01


@torch.no_grad()
def test_of_esasrec() -> None:
    model = ESASRec(6, dim=4, num_layers=2, num_heads=2)
    drawn(model)
    x, last = before_last(model.blocks, model._embedded(Batch.of(torch.tensor([ROW]))))
    assert isinstance(last, GatedBlock)
    y = last.attention_norm(x)
    assert found(model, ROW) == pytest.approx(by_hand(last.attention, y[-1], y), abs=1e-5)


@torch.no_grad()
def test_of_tisasrec_intervals_and_places_are_in_the_keys() -> None:
    model, times = TiSASRec(6, dim=4, num_layers=1, num_heads=2, max_length=4), [10, 40, 60, 70]
    drawn(model)
    last = model.blocks[0]
    assert isinstance(last, IntervalBlock)
    x = model.item_embedding.weight[ROW] * 2  # the root of dim
    gaps = [6, 3, 1, 0]  # from the newest, in tens
    keys = torch.stack([
        key + model.keys.places.weight[age] + model.keys.intervals.weight[gap]
        for key, age, gap in zip(last.attention.key(x), (3, 2, 1, 0), gaps, strict=True)
    ])  # fmt: skip
    query = last.attention.query(last.attention_norm(x[-1]))
    heads = [softmax([dot(query, key, head) / math.sqrt(2) for key in keys]) for head in (slice(0, 2), slice(2, 4))]
    wanted = [sum(each) / 2 for each in zip(*heads, strict=True)]
    assert found(model, ROW, times=times) == pytest.approx(wanted, abs=1e-5)


@torch.no_grad()
def test_of_core_the_shares_are_those_of_the_mixture() -> None:
    model = CORE(6, dim=4)
    drawn(model)
    assert model.weigher is not None
    row = torch.tensor([ROW])
    logits = model.weigher(model.item_embedding(row), row)[0].tolist()
    assert found(model, ROW) == pytest.approx(softmax(logits), abs=1e-5)
    assert found(CORE(6, dim=4, net="mean").eval(), ROW) == pytest.approx([0.25] * 4)


@torch.no_grad()
def test_of_stosa_near_items_have_large_shares() -> None:
    model = STOSA(6, dim=4, num_layers=1, num_heads=2, max_length=4)
    drawn(model)
    means, variances = (one[0] for one in model._embedded(Batch.of(torch.tensor([ROW]))))
    last = model.blocks[0]
    assert isinstance(last, StochasticBlock)
    places = [
        torch.cat([mean.view(3, 2, 2), spread.view(3, 2, 2).apply_(lambda a: math.sqrt(above_zero(a)))], 2)
        for mean, spread in zip(last.of_means(means), last.of_variances(variances), strict=True)
    ]  # queries, keys, values; heads; two means and two deviations
    heads = [
        softmax([-float((places[-1][0, head] - one[1, head]).square().sum()) / math.sqrt(2) for one in places])
        for head in (0, 1)
    ]
    assert found(model, ROW) == pytest.approx([sum(each) / 2 for each in zip(*heads, strict=True)], abs=1e-4)


def above_zero(x: float) -> float:
    return (x if x > 0 else math.expm1(x)) + 1 + 1e-6


def test_who_is_attentive() -> None:
    able = {name for name, model in MODELS.items() if issubclass(model, Attentive)}
    of_sasrec = {name for name, model in MODELS.items() if issubclass(model, SASRec)}
    assert able == of_sasrec | {"BERT4Rec", "CORE", "ESASRec", "STOSA", "TiSASRec"}
    assert len(of_sasrec) > 5


@pytest.mark.parametrize("kind", [SASRec, ESASRec, BERT4Rec, STOSA])
def test_without_a_layer_nothing_is_looked_at(kind: type[SASRec | ESASRec | BERT4Rec | STOSA]) -> None:
    with pytest.raises(InputError, match="num_layers is 0"):
        kind(6, dim=4, num_layers=0).attention_shares(Batch.of(torch.tensor([ROW])))


def test_of_an_empty_row_nothing_is_taken() -> None:
    for kind in (SASRec, BERT4Rec, CORE):
        assert found(kind(6, dim=4).eval(), []) == []
