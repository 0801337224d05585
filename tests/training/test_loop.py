"""train: what an epoch is, and that it can be repeated."""

from __future__ import annotations

import pytest
import torch

from nextitem.data.batches import NextItemBatches
from nextitem.data.split import Split, leave_one_out
from nextitem.errors import NonFiniteLossError
from nextitem.models.sequential.sasrec import SASRec
from nextitem.testing import NUM_ITEMS, ordered
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(ordered())


def made(seed: int = 0) -> SASRec:
    torch.manual_seed(seed)
    return SASRec(NUM_ITEMS, dim=8, num_layers=1, dropout=0.3)


def test_an_epoch_counts_every_target(split: Split) -> None:
    model = made()
    batches = NextItemBatches(split.train, 32, 50)
    epochs = list(train(model, batches, make_optimizer(model), last=2))
    assert [epoch.number for epoch in epochs] == [1, 2]
    assert epochs[0].num_targets == split.train.num_interactions - len(split.train)
    assert epochs[0].targets_per_second > 0


def test_loss_falls(split: Split) -> None:
    model = made()
    losses = [e.loss for e in train(model, NextItemBatches(split.train, 32, 50), make_optimizer(model), last=5)]
    assert losses[-1] < losses[0] - 0.1


def test_training_in_two_parts_equals_training_at_once(split: Split) -> None:
    batches = NextItemBatches(split.train, 32, 50)
    whole, parts = made(), made()
    optimizer = make_optimizer(parts)
    list(train(whole, batches, make_optimizer(whole), last=3))
    list(train(parts, batches, optimizer, last=1))
    torch.rand(7)  # what happens between the parts must not matter
    list(train(parts, batches, optimizer, first=2, last=3))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name]), name


def test_training_leaves_the_global_random_state_alone(split: Split) -> None:
    model = made()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    list(train(model, NextItemBatches(split.train, 32, 50), make_optimizer(model), last=1))
    assert torch.equal(torch.rand(3), expected)


def test_another_seed_gives_other_weights(split: Split) -> None:
    one, other = made(), made()
    batches = NextItemBatches(split.train, 32, 50)
    list(train(one, batches, make_optimizer(one), last=1, seed=1))
    list(train(other, batches, make_optimizer(other), last=1, seed=2))
    assert not torch.equal(one.item_embedding.weight, other.item_embedding.weight)


def test_a_loss_that_is_no_number_names_the_step_and_is_not_taken(split: Split) -> None:
    model = made()
    with torch.no_grad():
        model.item_embedding.weight[3] = float("nan")
    before = model.position_embedding.weight.clone()
    with pytest.raises(NonFiniteLossError, match=r"nan at step \d+ of epoch 1"):
        list(train(model, NextItemBatches(split.train, 10_000, 50), make_optimizer(model), last=1))
    assert torch.equal(model.position_embedding.weight, before)


def test_clipped_gradients_move_less(split: Split) -> None:
    free, clipped = made(), made()
    batches = NextItemBatches(split.train, 10_000, 50)
    start = free.item_embedding.weight.detach().clone()
    for model, norm in ((free, None), (clipped, 1e-9)):
        list(train(model, batches, torch.optim.SGD(model.parameters(), lr=1.0), last=1, clip_norm=norm))
    assert (clipped.item_embedding.weight - start).abs().max() < 1e-6
    assert (free.item_embedding.weight - start).abs().max() > 1e-4


def test_adamw_shrinks_weights_that_have_no_gradient() -> None:
    model = torch.nn.Linear(2, 2)
    start = model.weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    make_optimizer(model, "adamw", learning_rate=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(model.weight, start * (1 - 0.1 * 0.5))
