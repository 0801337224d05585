"""Average: what the means are, that they are what is validated and kept, and that a resumed run has the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nextitem.data.batches import NextItemBatches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.sequential.sasrec import SASRec
from nextitem.recipe import AverageName, make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import ordered
from nextitem.training.averaging import Average
from nextitem.training.checkpoint import load_weights
from nextitem.training.fit import Progress, fit
from nextitem.training.optimizers import make_optimizer
from nextitem.training.refit import refit


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(ordered())


def made(split: Split) -> SASRec:
    torch.manual_seed(0)
    return SASRec(split.num_items, dim=8, num_layers=1, max_length=10)


def one_weight(value: float) -> nn.Linear:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


def means(average: Average, model: nn.Linear, values: Sequence[float]) -> list[float]:
    found = []
    for value in values:
        nn.init.constant_(model.weight, value)
        average.after_step()
        average.before_validation()
        with average.applied():
            found.append(model.weight.item())
        assert model.weight.item() == value
    return found


def test_ema_by_hand() -> None:
    """From 1: .1 * 1 + .9 * 3 = 2.8, then 2/11 * 2.8 + 9/11 * 5 = 4.6."""
    model = one_weight(1.0)
    assert means(Average("ema", model), model, [3.0, 5.0]) == pytest.approx([2.8, 4.6])


def test_ema_of_constant_weights_leaves_the_first_ones_by_the_product_of_its_decays() -> None:
    model = one_weight(3.0)
    found = means(Average("ema", model, decay=0.5), model, [1.0] * 12)
    left, decays = 1.0, [min(0.5, step / (9 + step)) for step in range(1, 13)]
    for decay, mean in zip(decays, found, strict=True):
        left *= decay
        assert mean == pytest.approx(1 + left * (3 - 1), rel=1e-5)


def test_ema_without_decay_is_the_weights() -> None:
    model = one_weight(1.0)
    assert means(Average("ema", model, decay=0.0), model, [3.0, 5.0]) == [3.0, 5.0]


def test_last_is_the_mean_of_the_newest_validations() -> None:
    model = one_weight(1.0)
    assert means(Average("last", model, count=2), model, [3.0, 5.0, 9.0]) == [3.0, 4.0, 7.0]


@pytest.mark.parametrize("name", ["ema", "last"])
def test_the_mean_is_what_is_validated_and_kept(name: AverageName, split: Split) -> None:
    model = made(split)
    average = Average(name, model, count=2)
    raw, kept, last = [], [], None
    for last in fit(model, split, epochs=4, average=average, metrics=["ndcg@10"]):
        raw.append(model.item_embedding.weight.detach().clone())
        kept.append([one["item_embedding.weight"].clone() for one in average.kept])
        with average.applied():
            assert last.valid == evaluate(model, split.valid, ["ndcg@10"]).means()
    assert isinstance(last, Progress)
    best = last.state.best_epoch
    mean = torch.stack(kept[best - 1]).mean(0)
    assert torch.equal(model.item_embedding.weight, mean)
    assert not torch.equal(mean, raw[best - 1]) or best == 1
    if name == "last" and best > 1:
        torch.testing.assert_close(mean, (raw[best - 1] + raw[best - 2]) / 2)


def test_training_goes_the_same_way_without_it(split: Split) -> None:
    losses = []
    for name in (None, "ema", "last"):
        model = made(split)
        average = None if name is None else Average(name, model)
        losses.append([one.epoch.loss for one in fit(model, split, epochs=3, average=average)])
    assert losses[0] == losses[1] == losses[2]


def weights_of(model: SASRec) -> dict[str, Tensor]:
    return {key: tensor.clone() for key, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", ["ema", "last"])
def test_a_resumed_run_equals_one_that_never_stopped(name: AverageName, split: Split, tmp_path: Path) -> None:
    def fitted(folder: Path | None, stop: int | None) -> SASRec:
        model = made(split)
        for step in fit(model, split, epochs=6, average=Average(name, model, count=3), folder=folder, resume=True):
            if step.epoch.number == stop:
                break
        return model

    whole = weights_of(fitted(None, None))
    fitted(tmp_path, 3)
    resumed = weights_of(fitted(tmp_path, None))
    assert all(torch.equal(tensor, resumed[key]) for key, tensor in whole.items())


@pytest.mark.parametrize("name", ["ema", "last"])
def test_a_refit_ends_with_the_mean_and_is_continued(name: AverageName, split: Split, tmp_path: Path) -> None:
    def refitted(folder: Path, stop: int | None) -> SASRec:
        model = made(split)
        batches, average = NextItemBatches(split.train, 20, 10), Average(name, model, count=2)
        for one in refit(
            model, batches, 5, optimizer=make_optimizer(model), average=average, evaluate_every=2, folder=folder
        ):
            if one.epoch.number == stop:
                break
        if name == "last" and stop is None:  # of epochs 4 and 5, the last
            first, second = (one["item_embedding.weight"] for one in average.kept)
            torch.testing.assert_close(model.item_embedding.weight.detach(), (first + second) / 2)
        return model

    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    whole = weights_of(refitted(tmp_path / "whole", None))
    refitted(tmp_path / "parts", 3)
    parts = weights_of(refitted(tmp_path / "parts", None))
    assert all(torch.equal(tensor, parts[key]) for key, tensor in whole.items())


def test_what_is_not_its_own_is_refused(split: Split, tmp_path: Path) -> None:
    model = made(split)
    list(fit(model, split, epochs=1, average=Average("last", model, count=3), folder=tmp_path))
    with pytest.raises(InputError, match="trained with an average of its weights, which is not asked for"):
        list(fit(model, split, epochs=2, folder=tmp_path, resume=True))
    average = Average("ema", model)
    kept = average.tensors()
    with pytest.raises(InputError, match="its mean of the weights is not whole"):
        average.load({name: one for name, one in kept.items() if name != "steps"})
    with pytest.raises(InputError, match="not finite"):
        average.load(kept | {"0.item_embedding.weight": torch.full_like(kept["0.item_embedding.weight"], torch.nan)})
    with pytest.raises(InputError, match=r"keeps 1"):
        average.load(kept | {name.replace("0.", "1.", 1): one for name, one in kept.items() if name != "steps"})


def test_keys_that_do_nothing_are_refused() -> None:
    for layer, message in (
        ({"average_decay": 0.9}, "only the average ema has a use for it"),
        ({"average": "ema", "average_count": 3}, "only the average last has a use for it"),
        ({"average": "ema", "strategy": "fsdp"}, "takes whole weights"),
    ):
        with pytest.raises(InputError, match=message):
            make_recipe({"training": layer})


def test_a_run_keeps_the_mean(tmp_path: Path) -> None:
    layer = {"data": {"source": "synthetic"}, "model": {"dim": 8, "num_layers": 1}, "training": {"epochs": 1}}
    for name, keys in (("plain", {}), ("mean", {"average": "ema", "average_decay": 0.9})):
        list(run(make_recipe(layer, {"training": keys}), tmp_path / name))
    plain, mean = (load_weights(tmp_path / name / "model.safetensors")[0] for name in ("plain", "mean"))
    raw = load_weights(tmp_path / "mean" / "checkpoint.safetensors")[0]
    assert torch.equal(raw["model.item_embedding.weight"], plain["item_embedding.weight"])
    assert torch.equal(raw["average.0.item_embedding.weight"], mean["item_embedding.weight"])
    assert not torch.equal(mean["item_embedding.weight"], plain["item_embedding.weight"])
