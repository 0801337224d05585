"""First weights by name, in every sequence model that takes them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.models.initialise import FirstWeights, initialise, initialise_maps
from nextitem.models.names import (
    SIGMA,
    BERT4Rec,
    CL4SRec,
    CoSeRec,
    DuoRec,
    GRU4Rec,
    Mamba4Rec,
    SASRec,
    SASRecF,
    TiSASRec,
    ZeroBlock,
)
from nextitem.models.towers import SequenceModel

NUM_ITEMS = 2_000
MODELS = [SASRec, CL4SRec, DuoRec, CoSeRec, SASRecF, TiSASRec, BERT4Rec, GRU4Rec, ZeroBlock, Mamba4Rec, SIGMA]


def made(kind: Any, first_weights: FirstWeights) -> SequenceModel:
    torch.manual_seed(0)
    beside = {"item_attributes": {"colour": 30}} if kind is SASRecF else {}
    model: SequenceModel = kind(NUM_ITEMS, dim=32, first_weights=first_weights, **beside)
    return model


def spread(weight: Tensor) -> float:
    return float(weight.detach()[1:].std())


@pytest.mark.parametrize("kind", MODELS)
class TestEveryModel:
    def test_normal_items_have_a_deviation_of_a_fiftieth(self, kind: type[SequenceModel]) -> None:
        assert spread(made(kind, "normal").item_embedding.weight) == pytest.approx(0.02, rel=0.02)

    def test_xavier_items_go_by_the_size_of_the_table(self, kind: type[SequenceModel]) -> None:
        weight = made(kind, "xavier").item_embedding.weight
        assert spread(weight) == pytest.approx((2 / sum(weight.shape)) ** 0.5, rel=0.02)

    def test_normal_linear_maps_have_no_bias_at_first(self, kind: type[SequenceModel]) -> None:
        model = made(kind, "normal")
        biases = [one.bias for one in model.modules() if isinstance(one, nn.Linear) and one.bias is not None]
        assert not any(bias.any() for bias in biases)

    @pytest.mark.parametrize("first_weights", ["normal", "xavier"])
    def test_the_paddings_vector_is_zero(self, kind: type[SequenceModel], first_weights: FirstWeights) -> None:
        tables = [one for one in made(kind, first_weights).modules() if isinstance(one, nn.Embedding)]
        assert not any(one.weight[one.padding_idx].any() for one in tables if one.padding_idx is not None)

    def test_a_name_that_there_is_not_is_refused(self, kind: type[SequenceModel]) -> None:
        with pytest.raises(InputError, match='no first weights "norml"; did you mean "normal"'):
            made(kind, "norml")  # type: ignore[arg-type]


def test_maps_alone_leave_other_matrices_as_they_are() -> None:
    gru = nn.GRU(4, 4)
    before = {name: one.clone() for name, one in gru.named_parameters()}
    initialise_maps(gru, "normal")
    assert all(torch.equal(one, before[name]) for name, one in gru.named_parameters())
    initialise(gru, "normal")
    assert not torch.equal(gru.get_parameter("weight_ih_l0"), before["weight_ih_l0"])


def test_matrices_of_sasrec_begin_at_one_size_whatever_theirs() -> None:
    model = SASRec(NUM_ITEMS, dim=64, first_weights="normal")
    spreads = [float(one.detach().std()) for one in model.parameters() if one.dim() == 2 and len(one) < NUM_ITEMS]
    assert spreads == pytest.approx([0.02] * len(spreads), rel=0.1)
