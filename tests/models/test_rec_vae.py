"""RecVAE: the conformance suite, its prior by hand, its encoder and its loss by plain loops, and its passes."""

from __future__ import annotations

import math

import pytest
import torch

from nextitem.data.batches import BagBatches, Batch
from nextitem.data.sequences import Sequences
from nextitem.models.base import Recommender
from nextitem.models.general.rec_vae import RecVAE, log_normal, log_prior
from nextitem.testing import RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


class TestRecVAE(RecommenderTests):
    learns = "taste"
    epochs = 60

    def make(self, num_users: int, num_items: int) -> Recommender:
        return RecVAE(num_items, hidden_dim=16, latent_dim=8, dropout=0.0)


def small() -> RecVAE:
    torch.manual_seed(0)
    return RecVAE(4, hidden_dim=3, latent_dim=2, dropout=0.0, kl_weight=0.3)


def bags() -> Batch:
    items = torch.tensor([[1, 3, 0], [2, 3, 4]])
    return Batch(torch.tensor([1, 2]), items, items)


def test_prior_at_zero() -> None:
    zero = torch.zeros(1, 1)
    assert float(log_prior(zero, zero, zero)) == pytest.approx(-1.02355, abs=1e-5)


def test_each_hidden_layer_sees_the_sum_of_all_before() -> None:
    model = small().double()
    x = torch.randn(2, 5).double()
    hidden: list[torch.Tensor] = []
    for number in range(5):
        layer = dict(model.encoder.layers.named_children())[str(number)]
        y = layer(hidden[-1] if hidden else x) + sum(hidden, torch.zeros(2, 3).double())
        y = y * torch.sigmoid(y)
        centred = y - y.mean(1, keepdim=True)
        hidden.append(centred / (centred.square().mean(1, keepdim=True) + 0.1).sqrt())
    torch.testing.assert_close(torch.cat(model.encoder(x), 1), model.encoder.posterior(hidden[-1]))


def test_loss_is_that_of_plain_loops() -> None:
    """Without training z is the mean; the encoder before is another one."""
    model = small().eval()
    model.before.take(RecVAE(4, hidden_dim=3, latent_dim=2).encoder)
    total = 0.0
    for row in ([1, 3], [2, 3, 4]):
        bag = torch.zeros(1, 5)
        bag[0, row] = len(row) ** -0.5
        (mean, log_variance), (old_mean, old_log_variance) = model.encoder(bag), model.before(bag)
        logits = model.output(mean)[0].tolist()
        log_sum = math.log(sum(map(math.exp, logits)))
        total += sum(log_sum - logits[item - 1] for item in row) / 2
        for place in range(2):
            z = float(mean[0, place].detach())

            def density(mean: float, log_variance: float, z: float = z) -> float:
                return math.exp(-0.5 * (z - mean) ** 2 / math.exp(log_variance)) / math.sqrt(
                    2 * math.pi * math.exp(log_variance)
                )

            old = density(float(old_mean[0, place].detach()), float(old_log_variance[0, place].detach()))
            prior = 0.15 * density(0, 0) + 0.75 * old + 0.1 * density(0, 10)
            posterior = density(z, float(log_variance[0, place].detach()))
            total += 0.3 * len(row) * (math.log(posterior) - math.log(prior)) / 2
    assert float(model.loss(bags()).detach()) == pytest.approx(total, rel=1e-5)


def test_density_of_a_normal() -> None:
    assert float(log_normal(torch.tensor(1.0), 0.0, 0.0)) == pytest.approx(-0.5 * math.log(2 * math.pi) - 0.5)


def test_three_passes_move_the_encoder_and_the_fourth_the_decoder() -> None:
    model = small()
    batches = BagBatches(Sequences.from_lists([[1, 2], [2, 3], [4, 1], [3]]), 2)
    optimizer = make_optimizer(model, learning_rate=0.01)
    moved: list[set[str]] = []
    old: list[bool] = []
    for number in range(1, 9):
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        list(train(model, batches, optimizer, first=number, last=number))
        changed = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
        moved.append({name.partition(".")[0] for name in changed})
        pairs = zip(model.before.buffers(), model.encoder.parameters(), strict=True)
        old.append(all(torch.equal(one, other) for one, other in pairs))
    assert moved == [{"encoder"}, {"encoder"}, {"encoder"}, {"output", "before"}] * 2
    assert old == [False, False, False, True] * 2
