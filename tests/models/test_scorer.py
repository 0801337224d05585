"""The scorer of an item tower: one for its loss and its rankings, the model's own or what the loss asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import nextitem
from nextitem.data.batches import NextItemBatches, PairBatches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.data.synthetic import markov_chain
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.catalogue import MODELS
from nextitem.models.general.bpr import BPR
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import TwoTower
from nextitem.nn.losses import bpr
from nextitem.nn.objectives import Sampled
from nextitem.nn.scorers import Cosine, Euclidean, InnerProduct, VectorScorer
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import NUM_ITEMS, RecommenderTests
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer

SCORERS = [InnerProduct, Cosine, Euclidean]


class Metric(BPR):
    """As later models of metric learning: what it scores by is no choice of the loss."""

    own_scorer = Euclidean


class Chosen(BPR):
    def __init__(self, num_users: int, num_items: int, dim: int = 4) -> None:
        super().__init__(num_users, num_items, dim)
        self.scorer = Euclidean()


def small_sasrec() -> SASRec:
    torch.manual_seed(0)
    return SASRec(NUM_ITEMS, dim=8, num_layers=1, max_length=8, dropout=0.0)


def small_split() -> Split:
    return leave_one_out(markov_chain(num_users=60, num_items=NUM_ITEMS, mean_length=8, seed=0))


@pytest.mark.parametrize("scorer", SCORERS)
def test_scores_are_the_scorers_with_vectors_made_once_or_not(scorer: type[VectorScorer]) -> None:
    model = small_sasrec().eval()
    model.scorer = scorer()
    tests, rows = RecommenderTests(), [[1, 2, 3], [4]]
    found = tests.score(model, rows)
    with torch.no_grad():
        queries = torch.cat([model.query(batch) for batch in map(one_row, rows)])
        torch.testing.assert_close(found, model.scorer.match(queries[:, None], model.item_vectors()))
        with model.ready():
            assert torch.equal(tests.score(model, rows), found)


def one_row(row: list[int]) -> nextitem.Batch:
    return nextitem.Batch.of(torch.tensor([row]))


@pytest.mark.parametrize("scorer", SCORERS)
def test_the_full_softmax_is_of_the_models_scores(scorer: type[VectorScorer]) -> None:
    model, split = small_sasrec(), small_split()
    model.scorer = scorer()
    (batch,) = NextItemBatches(split.train, 1000, 8).epoch(1)
    is_target = batch.targets != 0
    scores = model.scorer.match(model.encode(batch)[is_target][:, None], model.item_vectors()[1:])
    torch.testing.assert_close(model.loss(batch), F.cross_entropy(scores, batch.targets[is_target] - 1))


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("make", [BPR, LightGCN])
def test_a_sampled_loss_is_of_the_models_scores(make: type[BPR] | type[LightGCN], scorer: type[VectorScorer]) -> None:
    split, scores = small_split(), []

    def loss(positive: Tensor, negative: Tensor) -> Tensor:
        scores.append(positive)
        return bpr(positive, negative)

    torch.manual_seed(0)
    model: TwoTower = make(len(split.train), NUM_ITEMS, 4)
    model.prepare(split.training_data)
    model.scorer, model.objective = scorer(), Sampled(loss, unseen_sampler(split.train, NUM_ITEMS))
    batch = next(PairBatches(split.train, 1000).epoch(1))
    model.loss(batch)
    wanted = model.scorer.match(model.query(batch), model.item_vectors()[batch.targets[:, 0]])
    torch.testing.assert_close(scores[0], wanted)


def test_sasrec_learns_a_chain_by_distances() -> None:
    split = leave_one_out(markov_chain(num_users=200, num_items=NUM_ITEMS, mean_length=10, seed=0))
    model = small_sasrec()
    model.scorer, model.objective = Euclidean(), Sampled(bpr, unseen_sampler(split.train, NUM_ITEMS), 4)
    before = evaluate(model.eval(), split.valid, ["ndcg@5"]).values["ndcg@5"].mean()
    for _ in train(model, NextItemBatches(split.train, 64, 8), make_optimizer(model, learning_rate=0.02), last=12):
        pass
    after = evaluate(model.eval(), split.valid, ["ndcg@5"]).values["ndcg@5"].mean()
    assert after > before + 0.15
    assert float(RecommenderTests().score(model, [[1, 2, 3]]).max()) <= 1e-3  # no distance is below 0


def test_a_model_scores_by_inner_products_unless_it_or_its_loss_says_otherwise() -> None:
    assert type(BPR(3, 3).scorer) is InnerProduct
    assert type(Metric(3, 3).scorer) is Euclidean
    for model, loss, wanted in ((BPR(3, 3), "info_nce", Cosine), (Metric(3, 3), "bpr", Euclidean)):
        model.score_for(loss)
        assert type(model.scorer) is wanted
        model.score_for("cross_entropy")
        assert type(model.scorer) is wanted


@pytest.mark.parametrize("make", [Metric, Chosen])
def test_a_loss_that_asks_for_another_scorer_is_refused(make: type[BPR]) -> None:
    message = f"ccl is of cosines, and the scores of {make.__name__} are squared Euclidean distances; take one of cross"
    with pytest.raises(InputError, match=message):
        make(3, 3).score_for("ccl")


def test_a_recipe_with_such_a_loss_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "Metric", Metric)
    with pytest.raises(InputError, match=r"loss\.name: info_nce is of cosines, .* take one of cross_entropy, bce, bpr"):
        make_recipe({"model": {"name": "Metric"}, "loss": {"name": "info_nce"}})


@pytest.mark.parametrize(("name", "loss", "wanted"), [("Metric", "hinge", Euclidean), ("BPR", "info_nce", Cosine)])
def test_a_run_is_loaded_with_the_scorer_that_it_learned_by(
    name: str, loss: str, wanted: type[VectorScorer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "Metric", Metric)
    layer = {"model": {"name": name, "dim": 4}, "loss": {"name": loss}, "training": {"epochs": 1, "batch_size": 512}}
    list(run(make_recipe({"data": {"source": "synthetic"}}, layer), tmp_path / "run"))
    model = nextitem.load(tmp_path / "run").model
    assert isinstance(model, TwoTower)
    assert type(model.scorer) is wanted
    users = torch.tensor([1, 2])
    query, vectors = (table[users] for table in (model.user_vectors(), model.item_vectors()))
    plain = {Euclidean: -(query - vectors).square().sum(1), Cosine: F.cosine_similarity(query, vectors)}[wanted]
    batch = nextitem.Batch.of(torch.zeros(2, 1, dtype=torch.int64), users)
    torch.testing.assert_close(model.score(batch)[range(2), users], plain)
