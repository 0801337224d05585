"""train: what an epoch is, and that it can be repeated."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor

from nextitem.data.batches import Batch, NextItemBatches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError, NonFiniteLossError
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.models.negatives import Trainable, make_sampler
from nextitem.models.sequential.gru4rec import GRU4Rec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.dropout import Dropout
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.nn.samplers.cluster import ClusterSampler
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


def test_codebooks_are_made_anew_at_every_epoch(split: Split) -> None:
    model, found = made(), []
    sampler = make_sampler(
        "cluster_uniform", Trainable(split.train, NUM_ITEMS, split.train), {"clusters": 1, "exclude_history": False}
    )
    assert isinstance(sampler, ClusterSampler)
    model.objective = Sampled(bpr, sampler)
    start = model.item_embedding.weight.detach().clone()
    for _ in train(model, NextItemBatches(split.train, 32, 50), make_optimizer(model), last=2):
        assert sampler.codebook is not None
        found.append(sampler.codebook.centres)
    torch.testing.assert_close(found[0][0], start[1:].double().mean(0))  # of the weights before the first step
    assert not torch.equal(found[0], found[1])


def test_negatives_are_refused_where_there_is_no_float64(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made()
    model.objective = Sampled(
        bpr, make_sampler("uniform", Trainable(split.train, NUM_ITEMS, split.train), {"exclude_history": False})
    )
    monkeypatch.setattr(Fabric, "device", torch.device("mps"))
    with pytest.raises(InputError, match=r"training\.device: mps has no float64, in which UniformSampler draws"):
        list(train(model, NextItemBatches(split.train, 32, 50), make_optimizer(model), last=1))


class Noting(SASRec):
    """Notes what it finds at the start of every epoch, and draws a number there."""

    found: tuple[tuple[int, float, bool], ...] = ()
    first = 0.0

    def begin_epoch(self, number: int) -> None:
        self.found = (*self.found, (number, float(torch.rand(())), self.training))
        self.first = self.item_embedding.weight[1, 0].item()


def test_an_epoch_begins_with_its_number_and_draws_of_its_own(split: Split) -> None:
    """The same ones where training goes on after a break; before the first step."""
    batches = NextItemBatches(split.train, 32, 50)
    whole, parts = Noting(NUM_ITEMS, dim=8, num_layers=1), Noting(NUM_ITEMS, dim=8, num_layers=1)
    at_start = [whole.item_embedding.weight[1, 0].item()]
    for _ in train(whole, batches, make_optimizer(whole), last=3):
        assert whole.first == at_start[-1]
        at_start.append(whole.item_embedding.weight[1, 0].item())
        whole.eval()
    for first in (1, 2, 3):
        list(train(parts, batches, make_optimizer(parts), first=first, last=first))
    assert parts.found == whole.found
    assert [(number, is_training) for number, _, is_training in whole.found] == [(1, True), (2, True), (3, True)]
    assert len({drawn for _, drawn, _ in whole.found}) == 3


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


def test_mixed_precision_reaches_the_loss(split: Split) -> None:
    seen = []

    class Watched(GRU4Rec):
        def encode(self, batch: Batch) -> Tensor:
            seen.append(super().encode(batch).dtype)
            return super().encode(batch)

    model = Watched(NUM_ITEMS, dim=8)
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    (epoch,) = train(model, NextItemBatches(split.train, 100, 50), make_optimizer(model), last=1, fabric=fabric)
    assert set(seen) == {torch.bfloat16}
    assert epoch.loss == pytest.approx(math.log(NUM_ITEMS), rel=0.1)
    assert model.item_embedding.weight.dtype == torch.float32


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


class Together:
    """The batches of an epoch as one: micro-batches of another's rows, padded to one length."""

    def __init__(self, batches: NextItemBatches, per_step: int) -> None:
        self.batches, self.per_step, self.num_targets = batches, per_step, batches.num_targets

    def __len__(self) -> int:
        return -(-len(self.batches) // self.per_step)

    def epoch(self, number: int) -> Iterator[Batch]:
        rest = list(self.batches.epoch(number))
        for start in range(0, len(rest), self.per_step):
            group = rest[start : start + self.per_step]
            width = max(batch.inputs.shape[1] for batch in group)

            def joined(tensors: list[torch.Tensor], width: int = width) -> torch.Tensor:
                return torch.cat([torch.nn.functional.pad(one, (0, width - one.shape[1])) for one in tensors])

            yield Batch(
                torch.cat([batch.users for batch in group]),
                joined([batch.inputs for batch in group]),
                joined([batch.targets for batch in group]),
            )


def test_a_gradient_that_is_no_number_is_not_clipped_but_told(split: Split) -> None:
    model = made()
    model.item_embedding.weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(NonFiniteLossError, match="gradient of a finite loss"):
        list(train(model, NextItemBatches(split.train, 32, 50), make_optimizer(model), last=1, clip_norm=1.0))


@pytest.mark.parametrize("clip_norm", [None, 0.01])
def test_accumulated_micro_batches_equal_one_big_batch(split: Split, clip_norm: float | None) -> None:
    """Weighted by targets, which differ: the mean of the micro-batches' means would be another number."""
    micro, big = made().double().eval(), made().double()
    for part in (*micro.modules(), *big.modules()):
        if isinstance(part, Dropout):
            part.p = 0.0
    batches = NextItemBatches(split.train, 30, 50)
    assert len(batches) % 3  # the last step has fewer
    optimizers = [torch.optim.Adam(model.parameters(), lr=0.01) for model in (micro, big)]
    found = list(train(micro, batches, optimizers[0], last=2, accumulate=3, clip_norm=clip_norm))
    expected = list(train(big, Together(batches, 3), optimizers[1], last=2, clip_norm=clip_norm))
    assert [e.loss for e in found] == pytest.approx([e.loss for e in expected], rel=1e-9)
    for name, tensor in big.state_dict().items():
        torch.testing.assert_close(micro.state_dict()[name], tensor, rtol=1e-6, atol=1e-8)


def test_the_rate_is_set_at_every_step_from_the_one_the_optimizer_was_made_with(split: Split) -> None:
    model = made()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    asked = []

    def rate(epoch: int, step: int) -> float:
        asked.append((epoch, step))
        return 1 / (10 * epoch + step)

    batches = NextItemBatches(split.train, 100, 50)
    first = list(train(model, batches, optimizer, last=1, rate=rate))
    second = list(train(model, batches, optimizer, first=2, last=2, rate=rate))
    assert asked == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [epoch.learning_rate for epoch in first + second] == [0.5 / 12, 0.5 / 22]


def test_num_terms_of_a_batch_are_its_targets_or_its_users(split: Split) -> None:
    batch = next(NextItemBatches(split.train, 10, 50).epoch(1))
    assert made().num_terms(batch) == int((batch.targets > 0).sum())
    assert MultiVAE(NUM_ITEMS).num_terms(batch) == len(batch.users)
