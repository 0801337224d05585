"""IRGAN: the conformance suite, its two losses and their gradients by plain loops, its rewards by hand, its turns."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from nextitem.data.batches import BagBatches, Batch
from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general import irgan
from nextitem.models.general.irgan import IRGAN, Factors, Reward
from nextitem.testing import RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

ROWS = [[1, 3], [2, 3, 4]]
NUM_ITEMS = 4
DRAWN = [[4, 1, 2, 2, 3, 1], [1, 3, 3, 2, 1, 4]]  # of user 1 the first two, or four, count


class TestIRGAN(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return IRGAN(num_users, num_items, dim=8, warm_up_epochs=10, discriminator_epochs=2, generator_epochs=1)


def small(reward: Reward = "authors") -> IRGAN:
    torch.manual_seed(0)
    model = IRGAN(2, NUM_ITEMS, dim=3, warm_up_epochs=1, reward=reward, l2=0.3).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    model.prepare(TrainingData.of(Sequences.from_lists(ROWS), NUM_ITEMS))
    return model


def bags() -> Batch:
    items = torch.tensor([[*row, 0][:3] for row in ROWS])
    return Batch(torch.tensor([1, 2]), items, items)


def logit(side: Factors, user: int, item: int) -> Tensor:
    p, q = side.user_embedding.weight[user], side.item_embedding.weight[item]
    return p @ q + side.item_bias[item]


def chances(model: IRGAN, user: int, temperature: float = 1.0) -> list[Tensor]:
    """Of items 1, 2, .. for the generator; the padding has none."""
    powers = [(logit(model.generator, user, item) / temperature).exp() for item in range(1, NUM_ITEMS + 1)]
    return [power / sum(powers) for power in powers]


def half_squares(side: Factors, user: int, item: int) -> Tensor:
    p, q, b = side.user_embedding.weight[user], side.item_embedding.weight[item], side.item_bias[item]
    return (p @ p + q @ q + b * b) / 2


def plain_discrimination(model: IRGAN, drawn: list[list[int]]) -> Tensor:
    total = torch.zeros(()).double()
    for user, (row, others) in enumerate(zip(ROWS, drawn, strict=True), start=1):
        pairs = [(item, 1) for item in row] + [(item, 0) for item in others[: len(row)]]
        for item, label in pairs:
            sure = torch.sigmoid(logit(model.discriminator, user, item))
            total = total - (sure if label else 1 - sure).log() + 0.3 * half_squares(model.discriminator, user, item)
    return total / len(ROWS)


def plain_reward(model: IRGAN, user: int, item: int) -> float:
    scores = [float(logit(model.discriminator, user, one).detach()) for one in range(1, NUM_ITEMS + 1)]
    if model.reward == "authors":
        return 2 * (1 / (1 + math.exp(-scores[item - 1])) - 0.5)
    worth = [math.log(1 + math.exp(score)) for score in scores]
    baseline = sum(float(p.detach()) * one for p, one in zip(chances(model, user), worth, strict=True))
    return worth[item - 1] - baseline


def plain_generation(model: IRGAN, drawn: list[list[int]]) -> Tensor:
    total = torch.zeros(()).double()
    for user, (row, others) in enumerate(zip(ROWS, drawn, strict=True), start=1):
        p = chances(model, user)
        for item in others[: 2 * len(row)]:
            own = float(p[item - 1].detach())
            proposed = 0.8 * own + (0.2 / len(row) if item in row else 0.0)
            weight = plain_reward(model, user, item) * own / proposed
            total = total - p[item - 1].log() * weight / (2 * len(row))
    return total / len(ROWS)


def assert_same_gradients(found: Tensor, wanted: Tensor, learner: Factors, other: Factors) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    parameters = list(learner.parameters())
    pairs = zip(
        torch.autograd.grad(found, parameters, retain_graph=True), torch.autograd.grad(wanted, parameters), strict=True
    )
    for one, plain in pairs:
        torch.testing.assert_close(one, plain, rtol=1e-6, atol=1e-6)
        assert one.any()
    untouched = torch.autograd.grad(found, list(other.parameters()), allow_unused=True)
    assert all(one is None for one in untouched)


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is DRAWN."""
    monkeypatch.setattr(irgan, "pick", lambda weights, count: torch.tensor(DRAWN)[:, :count])


@pytest.mark.usefixtures("drawing")
def test_the_discriminators_loss_is_that_of_plain_loops() -> None:
    model = small()
    model.learns = "discriminator"
    found, wanted = model.loss(bags()), plain_discrimination(model, DRAWN)
    assert_same_gradients(found, wanted, model.discriminator, model.generator)


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("reward", ["authors", "paper"])
def test_the_generators_loss_is_that_of_plain_loops(reward: Reward) -> None:
    model = small(reward)
    model.learns = "generator"
    found, wanted = model.loss(bags()), plain_generation(model, DRAWN)
    assert_same_gradients(found, wanted, model.generator, model.discriminator)


@pytest.mark.parametrize("learns", ["discriminator", "generator"])
def test_drawn_losses_are_without_training_what_they_are_on_average(
    learns: Literal["discriminator", "generator"],
) -> None:
    model = small()
    model.learns = learns
    drawn = torch.stack([model.loss(bags()).detach() for _ in range(2000)])
    wanted = float(model.eval().loss(bags()).detach())
    assert float(drawn.mean()) == pytest.approx(wanted, abs=4 * float(drawn.std()) / 2000**0.5)


def test_items_for_the_discriminator_are_drawn_by_the_sharpened_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = small(), list[Tensor]()

    def keep(weights: Tensor, count: int) -> Tensor:
        seen.append(weights)
        return torch.tensor(DRAWN)[:, :count]

    monkeypatch.setattr(irgan, "pick", keep)
    model.learns = "discriminator"
    model.loss(bags())
    wanted = torch.stack([torch.stack(chances(model, user, 0.2)) for user in (1, 2)])
    torch.testing.assert_close(seen[0], torch.nn.functional.pad(wanted.detach(), (1, 0)))


def test_a_reward_alike_for_all_items_teaches_the_generator_nothing() -> None:
    """As the chances sum to one: the mean of the gradient of log p is zero."""
    model = small().eval()
    with torch.no_grad():
        model.discriminator.user_embedding.weight.zero_()
        model.discriminator.item_bias.fill_(2.0)
    model.learns = "generator"
    gradients = torch.autograd.grad(model.loss(bags()), list(model.generator.parameters()))
    assert all(float(one.abs().max()) < 1e-12 for one in gradients)


def test_ranking_is_bpr_with_what_was_drawn_from_items_not_met() -> None:
    model = small()
    model.learns = "ranking"
    one = torch.tensor([[2, 3, 4]])  # item 1 alone is left to user 2
    found = model.loss(Batch(torch.tensor([2]), one, one))
    margins = [float((logit(model.generator, 2, 1) - logit(model.generator, 2, item)).detach()) for item in (2, 3, 4)]
    assert float(found.detach()) == pytest.approx(sum(math.log(1 + math.exp(margin)) for margin in margins))


def test_epochs_take_turns_after_the_first_ones() -> None:
    model = IRGAN(3, 4, dim=2, warm_up_epochs=2, discriminator_epochs=2, generator_epochs=1)
    rows = Sequences.from_lists([[1, 2], [2, 3], [4]])
    model.prepare(TrainingData.of(rows, 4))
    optimizer = make_optimizer(model, learning_rate=0.01)
    names: list[str] = []
    moved: list[set[str]] = []
    for number in range(1, 9):
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        (epoch,) = train(model, BagBatches(rows, 2), optimizer, first=number, last=number)
        changed = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
        names.append(*epoch.parts)
        moved.append({name.partition(".")[0] for name in changed})
    turn = ["discriminator", "discriminator", "generator"]
    assert names == ["ranking", "ranking", *turn, *turn]
    assert moved == [{"generator"}, {"generator"}, *({name} for name in turn + turn)]


def test_without_knowing_what_was_met_it_does_not_begin() -> None:
    model = IRGAN(2, NUM_ITEMS)
    model.begin_epoch(1)
    with pytest.raises(InputError, match=r"call prepare\(train\)"):
        model.loss(bags())
