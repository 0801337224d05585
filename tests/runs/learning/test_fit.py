"""The public fit: what is not given is of the model's own recipe, and what is given wins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nextitem.data.batches import NextItemBatches, PairBatches
from nextitem.data.splits.ratio import ratio_split
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.models.catalogue import MODELS, make
from nextitem.models.general.bpr import BPR
from nextitem.models.general.ease import EASE
from nextitem.models.general.multi_vae import MultiVAE
from nextitem.models.general.ncf import NCF
from nextitem.models.sequential.cl4srec import CL4SRec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import TowerFree
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import FullSoftmax, Sampled
from nextitem.recipe import make_recipe
from nextitem.runs.learning.epochs import epochs
from nextitem.runs.learning.run import run
from nextitem.runs.parts.objectives import sampled
from nextitem.testing import ALL, tastes
from nextitem.training.checkpoint import load_weights

DATA = tastes()
SPLIT = leave_one_out(DATA)


def made(kind: type[SASRec] = SASRec) -> SASRec:
    torch.manual_seed(0)
    return kind(SPLIT.num_items, dim=8, num_layers=1, max_length=5)


def neural(split: Split = SPLIT) -> NCF:
    torch.manual_seed(0)
    return NCF(len(split.train), split.num_items, dim=4, hidden_sizes=(4,))


@pytest.mark.parametrize("name", ["NCF", "SASRec", "MultiVAE"])
def test_it_trains_what_a_run_trains(name: str, tmp_path: Path) -> None:
    DATA.save(tmp_path / "data")
    known: dict[str, dict[str, object]] = {
        "NCF": {"dim": 4, "hidden_sizes": [4]},
        "SASRec": {"dim": 8, "max_length": 5},
        "MultiVAE": {},
    }
    keys = {
        "model": {"name": name, **known[name]},
        "data": {"source": str(tmp_path / "data")},
        "training": {"epochs": 2},
    }
    recipe = make_recipe(keys)
    list(run(recipe, tmp_path / "run"))
    kept, _ = load_weights(tmp_path / "run" / "model.safetensors")
    split = leave_one_out(DATA)
    torch.manual_seed(0)
    model = make(recipe.model.kind, split.training_data.sizes_for(()), recipe.model.arguments)
    assert len(list(epochs(model, split, epochs=2))) == 2
    assert all(torch.equal(found, kept[place]) for place, found in model.state_dict().items())


def test_loss_and_negatives_are_of_the_recipe() -> None:
    model = neural()
    next(epochs(model, SPLIT))
    assert isinstance(model.objective, Sampled)
    assert model.objective.loss.func is binary_cross_entropy  # type: ignore[attr-defined]


def test_what_is_given_wins() -> None:
    model, objective = neural(), sampled("bpr", SPLIT, num_negatives=3)
    (only,) = epochs(model, SPLIT, PairBatches(SPLIT.train, 64), objective=objective, epochs=1, metrics=["hr@3"])
    assert model.objective is objective
    assert only.valid is not None
    assert set(only.valid) == {"hr@3", "ndcg@10"}


def test_an_objective_that_was_set_stays() -> None:
    model = BPR(DATA.num_users, DATA.num_items, dim=4)
    objective = model.objective = FullSoftmax()
    list(epochs(model, SPLIT, epochs=1))
    assert model.objective is objective


def test_negatives_are_drawn_anew_for_another_split() -> None:
    model = neural()
    next(epochs(model, SPLIT))
    first = model.objective
    next(epochs(model, ratio_split(DATA)))
    assert model.objective is not first


def test_a_recipe_may_be_given() -> None:
    recipe = make_recipe({"model": {"name": "SASRec"}, "training": {"epochs": 1, "learning_rate": 1e-2}})
    assert [one.epoch.learning_rate for one in epochs(made(), SPLIT, recipe=recipe)] == [1e-2]
    assert [one.epoch.learning_rate for one in epochs(made(), SPLIT, recipe=recipe, learning_rate=1e-4)] == [1e-4]
    with pytest.raises(InputError, match="recipe is one of SASRec, and the model is NCF"):
        epochs(neural(), SPLIT, recipe=recipe)


def test_a_subclass_goes_by_the_recipe_of_its_base() -> None:
    class Mine(SASRec):
        pass

    one, other = made(), made(Mine)
    for model in (one, other):
        list(epochs(model, SPLIT, epochs=1))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_model_without_a_recipe_takes_the_defaults() -> None:
    class Product(TowerFree):
        def __init__(self) -> None:
            super().__init__(SPLIT.num_items)
            self.table = torch.nn.Embedding(SPLIT.num_items + 1, 1)

        def interact(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
            return self.table(items).squeeze(-1).expand(len(users), -1)

    model = Product()
    (only,) = epochs(model, SPLIT, epochs=1)
    assert isinstance(model.objective, Sampled)
    assert only.epoch.num_targets == SPLIT.train.num_interactions


def test_a_closed_form_is_fitted_at_once() -> None:
    model = EASE(SPLIT.num_items)
    assert list(epochs(model, SPLIT)) == []
    again = EASE(SPLIT.num_items)
    again.fit(SPLIT.training_data)
    assert torch.equal(model.weights, again.weights)
    with pytest.raises(InputError, match="EASE is fitted in one go, and takes no epochs"):
        epochs(EASE(SPLIT.num_items), SPLIT, epochs=3)


def test_every_model_has_a_recipe_that_fit_can_follow() -> None:
    for name in MODELS:
        sizes = SPLIT.training_data.sizes_for(ALL)
        epochs(make(MODELS[name], sizes, {}), SPLIT)  # nothing is trained before it is iterated over


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"epochs": 0}, "training.epochs"),
        ({"monitor": "ndgc@10"}, "ndgc"),
        ({"batch_size": 4, "batches": NextItemBatches(SPLIT.train, 64, 5)}, "batch_size says what the given batches"),
        ({"learning_rate": 0.1, "optimizer": torch.optim.SGD([torch.zeros(1)])}, "learning_rate says what"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_trained(keys: dict[str, object], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        epochs(made(), SPLIT, **keys)  # type: ignore[arg-type]


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(InputError, match="made for 3 items, and the split has 20"):
        epochs(SASRec(3), SPLIT)
    with pytest.raises(InputError, match="has a loss of its own, and takes no objective"):
        epochs(MultiVAE(SPLIT.num_items), SPLIT, objective=FullSoftmax())
    with pytest.raises(InputError, match="compares the rows of a batch"):
        epochs(CL4SRec(SPLIT.num_items), SPLIT, accumulate=2)
