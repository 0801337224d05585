"""MultiVAE: the parts of its loss, annealing, and that a run can be continued."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from nextitem.data.batches import BagBatches, Batch
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general import multi_vae
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.recipe import make_recipe
from nextitem.testing import NUM_ITEMS, RecommenderTests, batch_of, tastes
from nextitem.training.fit import fit
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


class TestMultiVAE(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return MultiVAE(num_items, hidden_dim=16, latent_dim=8, dropout=0.0, anneal_steps=50)


def model(dropout: float = 0.0, anneal_steps: int = 10) -> MultiVAE:
    torch.manual_seed(0)
    return MultiVAE(5, hidden_dim=6, latent_dim=4, dropout=dropout, beta=0.5, anneal_steps=anneal_steps)


def bags() -> Batch:
    items = torch.tensor([[1, 3, 1], [5, 2, 0]])
    return Batch(torch.tensor([1, 2]), items, items)


def test_kl_divergence_is_that_of_torch() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(3, 4), torch.randn(3, 4)
    theirs = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(multi_vae.kl_divergence(mean, log_variance), theirs)


def test_loss_at_evaluation_is_multinomial_likelihood_and_weighted_kl() -> None:
    one = model().eval()
    one.step += 4
    met = torch.tensor([[1.0, 0, 1, 0, 0], [0, 1, 0, 0, 1]])
    hidden = torch.tanh(one.encoder(F.pad(met / 2**0.5, (1, 0))))
    mean, log_variance = one.posterior(hidden).split(4, dim=1)
    logits = one.output(torch.tanh(one.decoder(mean)))
    # torch's multinomial has the number of orders as well, which is 2! for two distinct items
    theirs = torch.distributions.Multinomial(2, logits=logits).log_prob(met) - torch.tensor(2.0).log()
    by_hand = -theirs.mean() + 0.5 * 0.4 * multi_vae.kl_divergence(mean, log_variance).mean()
    torch.testing.assert_close(one.loss(bags()), by_hand)


def test_weight_of_the_kl_rises_linearly_to_beta_and_stays() -> None:
    one, weights = model(anneal_steps=4).train(), []
    for _ in range(7):
        weights.append(one.kl_weight().item())
        one.loss(bags())
    assert weights == pytest.approx([0.0, 0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


def test_steps_are_counted_in_training_alone() -> None:
    one = model().eval()
    one.loss(bags())
    one.score(bags())
    assert one.step == 0


def test_latent_is_sampled_in_training_alone() -> None:
    one = model()
    assert one.loss(bags()) != one.loss(bags())
    one.eval()
    assert one.loss(bags()) == one.loss(bags())


def test_score_is_the_output_layer_with_its_bias() -> None:
    one = model().eval()
    batch = bags()
    mean, _ = one.encode(batch.inputs)
    scores = one.score(batch)
    torch.testing.assert_close(scores[:, 1:], one.output(one.decode(mean)))
    assert not scores[:, 0].any()


def test_score_ignores_order_and_repeats() -> None:
    one, other = RecommenderTests().score(model().eval(), [[1, 3, 4], [4, 1, 3, 1]])
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("stop", [1, 3])
def test_a_run_that_is_continued_equals_one_that_was_not_interrupted(tmp_path: Path, stop: int) -> None:
    split = leave_one_out(tastes())
    batches = BagBatches(split.train, 64, seed=1)

    def run(epochs: int, folder: Path) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        torch.manual_seed(0)
        one = MultiVAE(NUM_ITEMS, hidden_dim=6, latent_dim=4, anneal_steps=20)
        for _ in fit(one, split, batches, epochs=epochs, folder=folder, resume=True):
            pass
        return one.state_dict()

    whole = run(5, tmp_path / "whole")
    run(stop, tmp_path / "cut")
    continued = run(5, tmp_path / "cut")
    assert all(torch.equal(tensor, continued[name]) for name, tensor in whole.items())


def test_counter_goes_by_batches() -> None:
    split = leave_one_out(tastes())
    one, batches = MultiVAE(NUM_ITEMS, hidden_dim=6, latent_dim=4), BagBatches(split.train, 64, seed=1)
    for _ in train(one, batches, make_optimizer(one), last=2):
        pass
    assert one.step == 2 * len(batches)


def test_a_recipe_has_no_loss_to_choose() -> None:
    assert make_recipe({"model": {"name": "MultiVAE"}}).loss is None
    with pytest.raises(InputError, match=r"loss\.name: MultiVAE takes no loss keys"):
        make_recipe({"model": {"name": "MultiVAE"}, "loss": {"name": "bpr"}})


def test_batch_of_histories_needs_no_targets() -> None:
    assert model().eval().query(batch_of(model(), [[1, 2], []])).shape == (2, 7)


def test_anneal_steps_of_zero_is_an_error() -> None:
    with pytest.raises(InputError, match="anneal_steps must be at least 1"):
        MultiVAE(5, anneal_steps=0)
