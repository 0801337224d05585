"""fit: validation chooses, patience stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nextitem.data.batches import NextItemBatches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.sequential.sasrec import SASRec
from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_model
from nextitem.testing import NUM_ITEMS, ordered
from nextitem.training.fit import Progress, fit
from nextitem.training.optimizers import make_optimizer


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(ordered())


def made() -> SASRec:
    torch.manual_seed(0)
    return SASRec(NUM_ITEMS, dim=8, num_layers=1, dropout=0.2)


def fitted(model: SASRec, split: Split, **options: object) -> Iterator[Progress]:
    optimizer = make_optimizer(model, learning_rate=0.01)
    return fit(model, split, NextItemBatches(split.train, 64, 50), optimizer=optimizer, **options)  # type: ignore[arg-type]


def test_the_best_epoch_is_the_one_with_the_highest_validation_metric(split: Split) -> None:
    steps = list(fitted(made(), split, epochs=6))
    values = [step.valid["ndcg@10"] for step in steps if step.valid]
    assert steps[-1].state.best_epoch == values.index(max(values)) + 1
    assert steps[-1].state.best_value == max(values)


def test_the_model_ends_with_its_best_weights(split: Split) -> None:
    model = made()
    *_, last = fitted(model, split, epochs=6)
    assert evaluate(model, split.valid, ["ndcg@10"]).means()["ndcg@10"] == last.state.best_value


def test_training_stops_after_patience_validations_without_a_better_one(split: Split) -> None:
    model = made()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    steps = list(fit(model, split, optimizer=optimizer, epochs=50, patience=3))
    assert [step.is_best for step in steps] == [True, False, False, False]


def test_epochs_between_validations_have_no_metrics(split: Split) -> None:
    steps = list(fitted(made(), split, epochs=5, evaluate_every=2))
    assert [step.valid is not None for step in steps] == [False, True, False, True, True]


def test_resuming_equals_not_stopping(split: Split, tmp_path: Path) -> None:
    whole, first, second = made(), made(), made()
    list(fitted(whole, split, epochs=4))
    for step in fitted(first, split, epochs=4, folder=tmp_path):
        if step.epoch.number == 2:
            break
    steps = list(fitted(second, split, epochs=4, folder=tmp_path, resume=True))
    assert [step.epoch.number for step in steps] == [3, 4]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


@pytest.mark.parametrize("sampler", ["cluster_popularity", "midx_uniform", "in_batch", "dynamic"])
def test_resuming_with_a_sampler_equals_not_stopping(sampler: str, split: Split, tmp_path: Path) -> None:
    """Codebooks are made anew at every epoch, from its weights and its seed."""
    models = []
    for _ in range(3):
        loss = {"name": "bpr", "sampler": sampler, "exclude_history": False}  # some users have met everything
        recipe = make_recipe({"model": {"dim": 8, "num_layers": 1}, "loss": loss})
        models.append(build_model(recipe, split))
    whole, first, second = (model for model in models if isinstance(model, SASRec))
    list(fitted(whole, split, epochs=3))
    for step in fitted(first, split, epochs=3, folder=tmp_path):
        if step.epoch.number == 1:
            break
    list(fitted(second, split, epochs=3, folder=tmp_path, resume=True))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_resuming_what_is_over_gives_the_best_weights(split: Split, tmp_path: Path) -> None:
    first, second = made(), made()
    list(fitted(first, split, epochs=3, folder=tmp_path))
    assert list(fitted(second, split, epochs=3, folder=tmp_path, resume=True)) == []
    assert torch.equal(first.item_embedding.weight, second.item_embedding.weight)


def test_a_wrong_monitor_is_refused_before_training(split: Split) -> None:
    with pytest.raises(InputError, match='did you mean "ndcg"'):
        next(fitted(made(), split, monitor="ndgc@10"))
