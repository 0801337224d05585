"""GLINTRU: its formula, place by place."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.glint_ru import GLINTRU
from nextitem.testing import RecommenderTests


class TestGLINTRU(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return GLINTRU(num_items, dim=16, num_heads=2, dropout=0.0, inner_dropout=0.0)


def made() -> GLINTRU:
    torch.manual_seed(0)
    model = GLINTRU(num_items=8, dim=4, num_heads=2).eval()
    for name, parameter in model.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(parameter)
    with torch.no_grad():
        model.item_embedding.weight[0] = 0
    return model


def convolved(convolution: torch.nn.Conv1d, rows: list[Tensor]) -> list[Tensor]:
    around = [torch.zeros(4), *rows, torch.zeros(4)]
    assert convolution.bias is not None
    return [
        sum(convolution.weight[:, :, tap] @ around[place + tap] for tap in range(3)) + convolution.bias
        for place in range(len(rows))
    ]


def attended(model: GLINTRU, x: list[Tensor]) -> Tensor:
    part, heads = model.attention, []
    for head in (slice(0, 2), slice(2, 4)):
        query = F.normalize(F.elu(part.query(x[-1])[head]), dim=0)
        weights = [query @ F.normalize(F.elu(part.key(one)[head]), dim=0) for one in x]
        heads.append(sum(w * part.value(one)[head] for w, one in zip(weights, x, strict=True)) / 2**0.5)
    return part.norm(x[-1] + part.output(torch.cat(heads)))


def test_score_is_the_formula() -> None:
    model, row = made(), [3, 2, 5, 2]
    x = [model.item_embedding.weight[item] for item in row]
    read = convolved(model.before, [model.into_recurrent(one) for one in x])
    states = model.gru(torch.stack(read)[None])[0][0]
    gated = [model.gate(one) * model.projection(state) for one, state in zip(read, states, strict=True)]
    recurrent = convolved(model.after, gated)[-1]
    first, second = model.shares.exp() / model.shares.exp().sum()
    mixed = first * recurrent + second * attended(model, x)
    y = model.norm(x[-1] + model.output(mixed * F.gelu(model.into_gate(x[-1]))))
    state = model.norm(y + model.last(model.inner(y) * F.gelu(model.inner_gate(y))))
    found = model.score(Batch.of(torch.tensor([[*row, 0, 0]])))[0]
    torch.testing.assert_close(found, model.item_embedding.weight @ state, rtol=1e-4, atol=1e-5)


def test_the_states_of_all_places_are_those_of_the_prefixes() -> None:
    model = made()
    states = model.encode(Batch.of(torch.tensor([[5, 1, 2]])))[0]
    for place, prefix in enumerate(([5], [5, 1], [5, 1, 2])):
        torch.testing.assert_close(states[place], model.query(Batch.of(torch.tensor([prefix])))[0])


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match="found dim 64 and 3 heads"):
        GLINTRU(8, num_heads=3)
