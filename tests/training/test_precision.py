"""Precision: bfloat16 trains to about the same loss; what the device cannot do is refused."""

from __future__ import annotations

import pytest
import torch

from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.parts import build
from nextitem.testing import tastes
from nextitem.training.loop import train


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(tastes())


def losses(split: Split, precision: str, loss: str, model: Layer, optimizer: str) -> list[float]:
    training = {"precision": precision, "batch_size": 64, "learning_rate": 0.01, "optimizer": optimizer}
    recipe = make_recipe({"model": model | {"dim": 16}, "loss": {"name": loss}, "training": training})
    made, keys = build.build_model(recipe, split), recipe.training
    assert isinstance(made, Trained)
    assert keys is not None
    batches, made_by = build.build_batches(keys, made, split, 0), build.build_optimizer(keys, made)
    return [epoch.loss for epoch in train(made, batches, made_by, last=4, fabric=build.build_fabric(keys))]


@pytest.mark.filterwarnings("ignore:Using bfloat16")
@pytest.mark.parametrize(
    ("model", "loss", "optimizer"),
    [
        ({"name": "SASRec", "dropout": 0.0}, "cross_entropy", "adam"),
        ({"name": "SASRec", "norm": "paper", "dropout": 0.0}, "cross_entropy", "adam"),
        ({"name": "GRU4Rec", "dropout": 0.0}, "cross_entropy", "adam"),
        ({"name": "BERT4Rec", "dropout": 0.0}, "cross_entropy", "adam"),
        ({"name": "SASRec", "dropout": 0.0}, "bce", "adam"),
        ({"name": "SASRec", "dropout": 0.0}, "bce", "sparse_adam"),
        ({"name": "NCF", "dropout": 0.0}, "bce", "sparse_adam"),
    ],
    ids=lambda one: "-".join(str(value) for value in one.values()) if isinstance(one, dict) else one,
)
def test_bfloat16_trains_to_the_loss_of_single_precision(model: Layer, loss: str, optimizer: str, split: Split) -> None:
    low, single = (losses(split, precision, loss, model, optimizer) for precision in ("bf16-mixed", "32-true"))
    assert low != single  # or it was not lower
    assert single[-1] < single[0]
    assert low == pytest.approx(single, rel=0.02)


def test_double_precision_trains(split: Split) -> None:
    found = losses(split, "64-true", "bce", {"name": "SASRec"}, "sparse_adam")
    assert found[-1] < found[0]


def test_half_precision_on_a_cpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"16-mixed needs a GPU .* take bf16-mixed"):
        make_recipe({"training": {"precision": "16-mixed"}})
    keys = make_recipe({"training": {"precision": "16-mixed", "device": "auto"}}).training
    assert keys is not None
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"16-mixed needs a GPU, and there is none"):
        build.build_fabric(keys)
