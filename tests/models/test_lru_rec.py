"""LRURec: its recurrence item by item, its answer to an impulse, its first weights."""

import cmath
import math

import pytest
import torch
import torch.nn.functional as F

from nextitem.data.batches import Batch
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.lru_rec import LRUBlock, LRURec, first_logs
from nextitem.testing import RecommenderTests


class TestLRURec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return LRURec(num_items, dim=16, dropout=0.0)


def made() -> LRURec:
    torch.manual_seed(0)
    model = LRURec(num_items=8, dim=4, num_layers=2).eval()
    for name, parameter in model.named_parameters():
        if not name.endswith("logs"):
            torch.nn.init.normal_(parameter)
    return model


def recurred(block: LRUBlock, x: list[torch.Tensor]) -> list[torch.Tensor]:
    """The block in complex numbers of Python, one place and channel after another."""
    nu, theta, log_g = block.logs.tolist()
    state, found = [0j] * 8, []
    for vector in x:
        real, imaginary = block.into(vector).tolist()[:8], block.into(vector).tolist()[8:]
        for c in range(8):
            decay = cmath.exp(complex(-math.exp(nu[c]), math.exp(theta[c])))
            state[c] = decay * state[c] + math.exp(log_g[c]) * complex(real[c], imaginary[c])
        both = torch.tensor([one.real for one in state] + [one.imag for one in state])
        y = F.layer_norm(vector + block.out(both), (4,), block.norm.weight, block.norm.bias)
        found.append(block.feed_forward_norm(y + block.feed_forward(y)))
    return found


def test_score_is_the_formula() -> None:
    model, row = made(), [3, 2, 5, 5, 1]
    x = [model.input_norm(model.item_embedding.weight[item]) for item in row]
    for block in model.blocks:
        assert isinstance(block, LRUBlock)
        x = recurred(block, x)
    found = model.score(Batch.of(torch.tensor([[*row, 0, 0]])))[0]
    wanted = model.item_embedding.weight @ x[-1] + model.item_bias.weight[:, 0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_an_impulse_fades_as_the_powers_of_the_decays() -> None:
    (block, *_) = made().blocks
    assert isinstance(block, LRUBlock)
    impulse = torch.zeros(1, 6, 8, dtype=torch.complex64)
    impulse[0, 0] = 1
    heard = []
    block._written = lambda x: impulse  # type: ignore[method-assign]
    block._leave = lambda h, x: heard.append(h) or x  # type: ignore[method-assign, func-returns-value]
    block(torch.zeros(1, 6, 4))
    for age in range(6):
        torch.testing.assert_close(heard[0][0, age], block.decays() ** age)


def test_a_stream_is_what_a_batch_says() -> None:
    model = made()
    stream = model.start(torch.tensor([3, 2, 5]))
    wanted = model.score(Batch.of(torch.tensor([[3, 2, 5]])))[0]
    torch.testing.assert_close(model.next_scores(stream), wanted, rtol=1e-4, atol=1e-4)


def test_channels_begin_between_the_decays_and_never_grow() -> None:
    torch.manual_seed(0)
    nu, _, log_g = first_logs(1000, 0.8, 0.99)
    decays = torch.exp(-nu.exp())
    assert 0.8 <= float(decays.min()) < 0.81
    assert 0.98 < float(decays.max()) <= 0.99
    torch.testing.assert_close(log_g.exp() ** 2 + decays**2, torch.ones(1000))
    block = LRUBlock(4, 0.0, 0.8, 0.99)
    torch.nn.init.normal_(block.logs, std=2.0)
    assert bool((block.decays().abs() < 1).all())


def test_decays_that_would_grow_are_refused() -> None:
    with pytest.raises(InputError, match=r"between 0 and 1, in order, found 0.8 and 1"):
        LRURec(8, max_decay=1.0)
