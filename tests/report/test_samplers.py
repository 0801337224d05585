"""The samplers of a finished run beside its softmax."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from scipy import stats
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.batches import holdout_batch
from nextitem.errors import InputError
from nextitem.models.negatives import BY_VECTORS, SAMPLERS
from nextitem.recipe import Layer, make_recipe
from nextitem.report.samplers import SamplerQualities, compare_samplers, effective_draws, kl
from nextitem.runs.asking.reevaluate import load_with_split
from nextitem.runs.learning.run import run


def finished(folder: Path, layer: Layer) -> Path:
    list(run(make_recipe({"data": {"source": "synthetic"}}, layer), folder))
    return folder


@pytest.fixture(scope="module")
def sasrec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    training = {"epochs": 4, "batches": "next_item", "learning_rate": 0.01, "batch_size": 64}
    return finished(tmp_path_factory.mktemp("sasrec"), {"model": {"dim": 16, "dropout": 0.0}, "training": training})


@pytest.fixture(scope="module")
def found(sasrec: Path) -> SamplerQualities:
    return compare_samplers(sasrec, users=100, draws=50)


def test_every_sampler_is_measured(found: SamplerQualities) -> None:
    assert [one.name for one in found.qualities] == list(SAMPLERS)
    assert "100 validation users" in found.protocol
    for one in found.qualities:
        assert one.divergence >= -1e-12
        assert one.reverse_divergence >= -1e-12
        assert one.name == "in_batch" or 1 <= (one.effective_draws or 0) <= 50 + 1e-9


def test_the_softmax_is_at_no_distance_from_itself(found: SamplerQualities) -> None:
    oracle = next(one for one in found.qualities if one.name == "softmax")
    assert oracle.divergence == pytest.approx(0, abs=1e-9)
    assert oracle.effective_draws == pytest.approx(50)


def test_codebooks_come_nearer_than_uniform_draws(found: SamplerQualities) -> None:
    by_name = {one.name: one for one in found.qualities}
    for name in ("cluster_uniform", "midx_uniform"):
        assert by_name[name].divergence < by_name["uniform"].divergence
        assert (by_name[name].effective_draws or 0) > (by_name["uniform"].effective_draws or 0)


def test_the_same_seed_measures_the_same(sasrec: Path, found: SamplerQualities) -> None:
    again = compare_samplers(sasrec, users=100, draws=50)
    assert [one.effective_draws for one in again.qualities] == [one.effective_draws for one in found.qualities]
    assert [one.divergence for one in again.qualities] == [one.divergence for one in found.qualities]


def test_a_model_without_item_vectors_has_the_others(tmp_path: Path) -> None:
    layer: Layer = {"model": {"name": "NCF", "dim": 4, "hidden_sizes": [8]}, "training": {"epochs": 1}}
    names = [one.name for one in compare_samplers(finished(tmp_path, layer), 20, 10).qualities]
    assert names == [name for name in SAMPLERS if name not in BY_VECTORS]


def test_a_counted_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Popularity is fitted in one go"):
        compare_samplers(finished(tmp_path, {"model": {"name": "Popularity"}}))


def test_the_command_prints_a_table(sasrec: Path) -> None:
    result = CliRunner().invoke(app, ["samplers", str(sasrec), "--users", "20", "--draws", "10"])
    assert result.exit_code == 0, result.output
    for word in ("KL(P||Q)", "midx_popularity", "histories not excluded", "seed 0"):
        assert word in result.output, word


def test_divergence_is_scipys() -> None:
    p, q = torch.tensor([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]), torch.tensor([[0.25, 0.5, 0.25], [0.1, 0.1, 0.8]])
    scipys = [stats.entropy(one.numpy(), other.numpy()) for one, other in zip(p, q, strict=True)]
    assert kl(p.log(), q.log()) == pytest.approx(sum(scipys) / 2)
    assert math.isinf(kl(q.log(), p.log()))  # p never draws the third item


def test_effective_draws_by_hand() -> None:
    """(1 + 1)^2 / (1 + 1) = 2; (3 + 1)^2 / (9 + 1) = 1.6."""
    assert effective_draws(torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])) == pytest.approx((2 + 1.6) / 2)


@pytest.mark.parametrize("loss", ["info_nce", "ccl"])
def test_after_a_loss_of_cosines_the_softmax_is_that_of_the_models_own_scores(loss: str, tmp_path: Path) -> None:
    layer: Layer = {
        "model": {"dim": 8, "num_layers": 1},
        "loss": {"name": loss, "num_negatives": 4},
        "training": {"epochs": 1, "batches": "next_item", "batch_size": 64},
    }
    folder = finished(tmp_path / "run", layer)
    opened, split = load_with_split(folder)
    count = len(split.valid)
    with torch.inference_mode():
        scores = opened.model.score(holdout_batch(split.valid, opened.model.max_length))[:, 1:].double()
    assert float(scores.abs().max()) <= 1 + 1e-6
    log_softmax = scores.log_softmax(1)
    wanted = float((log_softmax.exp() * log_softmax).sum(1).mean()) + math.log(split.num_items)  # KL(P || uniform)
    uniform = next(one for one in compare_samplers(folder, users=count, draws=2).qualities if one.name == "uniform")
    assert uniform.divergence == pytest.approx(wanted, rel=1e-5)


def test_a_tower_that_is_fitted_in_one_go_has_no_samplers_to_compare(tmp_path: Path) -> None:
    folder = finished(tmp_path / "run", {"model": {"name": "IALS", "dim": 4}})
    with pytest.raises(InputError, match="IALS is fitted in one go"):
        compare_samplers(folder)
