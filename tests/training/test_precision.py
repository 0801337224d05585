"""Precision: bfloat16 trains to about the same loss, and says what it changes; what the device cannot do is refused."""

from __future__ import annotations

import pytest
import torch

from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.nn.kernels import bf16
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.parts import build
from nextitem.runs.parts.precision import fabric_keys, notes_on_precision
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
def test_bfloat16_trains_to_the_loss_of_single_precision(
    model: Layer, loss: str, optimizer: str, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By torch's autocast, as on a processor without units of its own for bf16."""
    monkeypatch.setattr(bf16, "has_units", lambda: False)
    low, single = (losses(split, precision, loss, model, optimizer) for precision in ("bf16-mixed", "32-true"))
    assert low != single  # or it was not lower
    assert single[-1] < single[0]
    assert low == pytest.approx(single, rel=0.02)


@pytest.mark.skipif(not bf16.has_units(), reason="a processor with fast bf16 units")
@pytest.mark.parametrize("name", ["SASRec", "GRU4Rec", "BERT4Rec", "Mamba4Rec"])
def test_bf16_products_train_to_the_loss_of_single_precision(name: str, split: Split) -> None:
    low, single = (
        losses(split, precision, "cross_entropy", {"name": name, "dropout": 0.0}, "adam")
        for precision in ("bf16-mixed", "32-true")
    )
    assert low != single
    assert single[-1] < single[0]
    assert low == pytest.approx(single, rel=0.005)


@pytest.mark.skipif(not bf16.has_units(), reason="a processor with fast bf16 units")
def test_a_loss_without_the_item_table_stays_as_it_is(split: Split) -> None:
    low, single = (losses(split, one, "bce", {"name": "SASRec"}, "adam") for one in ("bf16-mixed", "32-true"))
    assert low == single


@pytest.mark.parametrize(
    ("has_units", "keys", "said"),
    [
        (True, {}, "have bf16 factors; all else is float32"),
        (True, {"loss": {"name": "bce"}}, "the loss is bce: little or nothing is faster"),
        (True, {"model": {"name": "MultiVAE"}}, "this model has no such loss"),
        (False, {}, "no faster here: this processor (znver2) has no bf16 units"),
        (True, {"training": {"precision": "32-true"}}, ""),
        (True, {"training": {"precision": "bf16-mixed", "device": "cuda"}}, ""),
        (True, {"model": {"name": "Popularity"}, "training": {}}, ""),
    ],
)
def test_a_run_says_what_bf16_changes(has_units: bool, keys: Layer, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bf16, "has_units", lambda: has_units)
    monkeypatch.setattr(bf16, "target_of_kernels", lambda: {"processor": "znver2"})
    notes = notes_on_precision(make_recipe({"training": {"precision": "bf16-mixed"}} | keys))
    assert len(notes) == bool(said)
    assert said in "".join(notes)


def test_on_a_device_layers_and_products_are_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = make_recipe({"training": {"precision": "bf16-mixed", "device": "cuda"}}).training
    assert keys is not None
    (plugin,) = fabric_keys(keys)["plugins"]
    monkeypatch.setattr(plugin, "device", "cpu")
    with plugin.forward_context():
        assert torch.is_autocast_enabled("cpu")
        assert bf16.are_wanted()
    assert not torch.is_autocast_enabled("cpu")
    assert not bf16.are_wanted()


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
