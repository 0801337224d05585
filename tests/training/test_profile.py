"""Profile: every second of a step is some phase's."""

from __future__ import annotations

import pytest
import torch

from nextitem.data.batches import NextItemBatches, make_batches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.models.base import Trained
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.models.sequential.sasrec import SASRec
from nextitem.testing import NUM_ITEMS, ordered
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer
from nextitem.training.profile import Profile


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(ordered())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by a second whenever it is looked at."""
    seconds = iter(range(10_000))
    monkeypatch.setattr("nextitem.training.profile._now", lambda: float(next(seconds)))


def profiled(model: Trained, split: Split) -> Profile:
    profile = Profile()
    batches = make_batches(model.trains_on[0], split.train, 100, max_length=50, num_items=NUM_ITEMS)
    list(train(model, batches, make_optimizer(model), last=3, profile=profile))
    return profile


def test_each_phase_takes_the_time_since_the_one_before(split: Split, clock: None) -> None:
    profile = profiled(SASRec(NUM_ITEMS, dim=4, num_layers=1), split)
    assert profile.num_steps == 6
    # The loss is looked at twice: when the objective ends, and when its value is known.
    assert profile.seconds == {"batching": 6, "forward": 6, "loss": 12, "backward": 6, "optimizer": 6}


def test_a_loss_of_the_models_own_is_part_of_forward(split: Split, clock: None) -> None:
    profile = profiled(MultiVAE(NUM_ITEMS, 8, 4), split)
    assert profile.seconds == {"batching": 6, "forward": 6, "loss": 0, "backward": 6, "optimizer": 6}


def test_profiling_changes_no_number_and_leaves_no_hook(split: Split) -> None:
    one, other = (SASRec(NUM_ITEMS, dim=4, num_layers=1) for _ in range(2))
    other.load_state_dict(one.state_dict())
    for model, profile in ((one, Profile()), (other, None)):
        list(train(model, NextItemBatches(split.train, 100, 50), make_optimizer(model), last=2, profile=profile))
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert not one.objective._forward_hooks
    assert not one.objective._forward_pre_hooks
