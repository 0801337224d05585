"""Losses that go by log Q refuse a sampler that never draws the target; from Python as on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.errors import InputError
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.zero_block import ZeroBlock
from nextitem.nn import losses
from nextitem.nn.objectives import Sampled
from nextitem.testing import batch_of

POSITIVE, NEGATIVE, LOG_Q = torch.zeros(3), torch.zeros(3, 2), torch.full((3, 2), -2.0)


@pytest.mark.parametrize("loss", [losses.nce, losses.sampled_softmax])
@pytest.mark.parametrize("worst", [float("-inf"), float("nan")])
def test_a_target_that_is_never_drawn_is_refused(loss: Callable[..., Tensor], worst: float) -> None:
    told = "needs the chance that the sampler draws the target, and 1 of 3 .*exclude_history=False"
    with pytest.raises(InputError, match=f"{loss.__name__} {told}"):
        loss(POSITIVE, NEGATIVE, torch.tensor([-2.0, worst, -2.0]), LOG_Q)


@pytest.mark.parametrize(
    "loss", [partial(losses.sampled_softmax, correct=False), losses.weighted_bpr, losses.weighted_binary_cross_entropy]
)
def test_who_does_not_look_at_it_does_not_ask(loss: Callable[..., Tensor]) -> None:
    assert loss(POSITIVE, NEGATIVE, torch.full((3,), float("-inf")), LOG_Q).isfinite()


@pytest.mark.parametrize("loss", [losses.nce, losses.sampled_softmax])
def test_an_objective_whose_sampler_leaves_the_history_out_is_refused(loss: Callable[..., Tensor]) -> None:
    split = leave_one_out(markov_chain(num_users=30, num_items=90))
    model = ZeroBlock(90, dim=8)
    model.objective = Sampled(loss, unseen_sampler(split.train, 90), 4, takes_log_q=True)
    seen = split.train.take(np.array([0])).flat_items().tolist()
    batch = batch_of(model, [seen[-2:-1]])
    batch.targets[0, 0] = seen[-1]
    with pytest.raises(InputError, match="1 of 1 targets"):
        model.loss(batch)


def test_who_transforms_the_loss_is_not_asked() -> None:
    found = torch.func.vmap(lambda p: losses.nce(p, NEGATIVE, torch.full((3,), -2.0), LOG_Q))(torch.zeros(5, 3))
    assert found.shape == (5,)
