"""gSASRec: the conformance suite, its block in plain operations, its first weights, and gBCE out of its plateau."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from nextitem.data.batches import Batch, NextItemBatches
from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.base import Recommender
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.gsasrec import GSASRec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.blocks import AttentionBlock
from nextitem.nn.losses import gbce
from nextitem.nn.objectives import Sampled
from nextitem.recipe import make_recipe
from nextitem.testing import RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


class TestGSASRec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return GSASRec(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, max_length=20)


def test_states_are_those_of_plain_operations() -> None:
    torch.manual_seed(0)
    model = GSASRec(9, dim=8, num_layers=2, num_heads=2, dropout=0.0, max_length=5).double()
    (states,) = model.encode(Batch.of(torch.tensor([[1, 2, 3, 4]])))
    x = model.item_embedding.weight[1:5] + model.position_embedding.weight[[3, 2, 1, 0]]
    for block in model.stack.blocks:
        assert isinstance(block, AttentionBlock)
        own, feed, q = block.attention, block.feed_forward, F.layer_norm(x, (8,), eps=1e-8)
        heads = []
        for part in (slice(0, 4), slice(4, 8)):
            query, key, value = own.query(q)[:, part], own.key(x)[:, part], own.value(x)[:, part]
            scores = (query @ key.T / 2).masked_fill(torch.ones(4, 4, dtype=torch.bool).triu(1), float("-inf"))
            heads.append(scores.softmax(1) @ value)
        y = F.layer_norm(q + torch.cat(heads, 1), (8,), eps=1e-8)
        x = y + feed.outer(torch.relu(feed.inner(y)))
    torch.testing.assert_close(states, F.layer_norm(x, (8,), eps=1e-8))


def test_the_size_is_that_of_its_parts() -> None:
    """Two tables of items, one of positions, a block of two norms, three maps of attention and two behind it."""
    model = GSASRec(100, dim=8)
    block = 2 * 2 * 8 + 5 * (8 * 8 + 8)
    assert sum(one.numel() for one in model.parameters()) == 2 * 101 * 8 + 200 * 8 + 2 * block + 2 * 8


def test_embeddings_begin_normal() -> None:
    torch.manual_seed(0)
    model = GSASRec(3000, dim=16)
    assert model.output_embedding is not None
    for table in (model.item_embedding, model.output_embedding):
        assert float(table.weight[1:].detach().std()) == pytest.approx(1.0, abs=0.02)
        assert not table.weight[0].any()


def test_its_recipe_is_gbce_of_256_negatives_of_all_items() -> None:
    loss = make_recipe({"model": {"name": "GSASRec"}}).loss
    assert loss is not None
    assert (loss.name, loss.sampler, loss.num_negatives) == ("gbce", "uniform", 256)
    assert loss.keys(["calibration", "exclude_history"]) == {"calibration": 0.75, "exclude_history": False}


def test_the_optimum_of_gbce_lies_log_k_over_beta_lower() -> None:
    """One target and k negatives of the same score: where either loss is least."""
    num_negatives, num_items = 16, 1000
    score = torch.linspace(-8.0, 8.0, 160_001, dtype=torch.float64)
    beta = 1.0 - 0.75 * (1.0 - num_negatives / (num_items - 1))
    by_gbce = score[(beta * F.softplus(-score) + num_negatives * F.softplus(score)).argmin()]
    by_bce = score[(F.softplus(-score) + F.softplus(score)).argmin()]
    assert float(by_bce - by_gbce) == pytest.approx(math.log(num_negatives / beta), abs=1e-3)


def test_a_table_of_its_own_leaves_the_plateau_of_gbce_before_a_tied_one() -> None:
    """A chain of 100 items, 200 steps: tied vectors are still on the plateau when those of a second table know it."""
    split = leave_one_out(markov_chain(num_users=300, num_items=100, mean_length=15))

    def found(tied: bool) -> float:
        torch.manual_seed(0)
        model = SASRec(100, dim=32, num_layers=1, dropout=0.0, max_length=20, tied=tied, first_weights="xavier")
        model.objective = Sampled(partial(gbce, num_items=100), unseen_sampler(split.train, 100), 16)
        optimizer = make_optimizer(model, learning_rate=5e-3)
        for _ in train(model, NextItemBatches(split.train, 32, 20, seed=1), optimizer, last=20):
            pass
        return evaluate(model.eval(), split.test, ["ndcg@10"]).means()["ndcg@10"]

    assert found(tied=True) < 0.4
    assert found(tied=False) > 0.8
