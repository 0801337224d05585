"""Optimizers by name, on models: sparse tables train as dense ones, and go on as if they had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from nextitem.data.batches import NextItemBatches
from nextitem.data.splits.split import Split, leave_one_out
from nextitem.errors import InputError
from nextitem.models.negatives import unseen_sampler
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.losses import binary_cross_entropy
from nextitem.nn.objectives import Sampled
from nextitem.recipe import OptimizerName, make_recipe
from nextitem.runs.parts import build
from nextitem.testing import NUM_ITEMS, tastes
from nextitem.training.clipping import clip_gradients
from nextitem.training.fit import fit
from nextitem.training.loop import train
from nextitem.training.optimizers import make_optimizer


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_one_out(tastes())


def made(split: Split, dropout: float = 0.2, tied: bool = True) -> SASRec:
    torch.manual_seed(0)
    model = SASRec(NUM_ITEMS, dim=8, num_layers=1, dropout=dropout, tied=tied)
    model.objective = Sampled(binary_cross_entropy, unseen_sampler(split.train, NUM_ITEMS), 2)
    return model


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_optimizer_lowers_the_loss(name: OptimizerName, split: Split) -> None:
    model = made(split, dropout=0.0)
    optimizer = make_optimizer(model, name, learning_rate=0.1 if name in ("sgd", "adagrad") else 0.01)
    losses = [epoch.loss for epoch in train(model, NextItemBatches(split.train, 20, 50), optimizer, last=6)]
    assert losses[-1] < losses[0] - 0.05


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_sparse_adam_equals_adam_where_every_step_reads_every_item(
    tied: bool, clip_norm: float | None, split: Split
) -> None:
    """All rows in one batch: every item is read, but the newest ones where the input table is not tied."""
    dense, sparse = made(split, tied=tied).double(), made(split, tied=tied).double()
    batches = NextItemBatches(split.train, 10_000, 50)
    for model, name in ((dense, "adam"), (sparse, "sparse_adam")):
        optimizer = make_optimizer(model, name, learning_rate=0.01)  # type: ignore[arg-type]
        list(train(model, batches, optimizer, last=4, clip_norm=clip_norm))
    for name, tensor in dense.state_dict().items():
        torch.testing.assert_close(sparse.state_dict()[name], tensor, rtol=1e-8, atol=1e-10)


def test_sparse_adam_leaves_items_alone_that_nobody_met(split: Split) -> None:
    model = made(split)
    big = SASRec(1000, dim=8, num_layers=1)
    big.objective = model.objective  # draws of the 20 items
    before = big.item_embedding.weight.detach().clone()
    optimizer = make_optimizer(big, "sparse_adam", weight_decay=0.1)
    list(train(big, NextItemBatches(split.train, 20, 50), optimizer, last=2))
    changed = (big.item_embedding.weight != before).any(1)
    assert changed.nonzero().flatten().tolist() == list(range(1, NUM_ITEMS + 1))


class BigTensors(TorchDispatchMode):
    """Counts operations that give a new tensor of `size` numbers or more; sparse ones by what they hold."""

    def __init__(self, size: int, known: list[Tensor]) -> None:
        super().__init__()
        self.size, self.known, self.count = size, {one.data_ptr() for one in known}, 0

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = operation(*args, **(kwargs or {}))
        for one in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(one, Tensor):
                held = one._values() if one.is_sparse else one
                self.count += held.numel() >= self.size and held.data_ptr() not in self.known
        return found


@pytest.mark.parametrize(("name", "count"), [("sparse_adam", 0), ("adam", 1)])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_a_step_of_sparse_adam_makes_nothing_of_the_size_of_the_catalogue(
    name: OptimizerName, count: int, clip_norm: float | None, split: Split
) -> None:
    num_items = 50_000
    model = SASRec(num_items, dim=4, num_layers=1)
    model.objective = Sampled(binary_cross_entropy, unseen_sampler(split.train, num_items), 3)
    batches = NextItemBatches(split.train, 10_000, 50)
    optimizer = make_optimizer(model, name)
    list(train(model, batches, optimizer, last=1))  # makes the moments
    table = model.item_embedding.weight
    state = optimizer.state[table]
    for parameter in model.parameters():
        parameter.grad = None
    with BigTensors(num_items, [table, state["exp_avg"], state["exp_avg_sq"]]) as seen:
        list(train(model, batches, optimizer, first=2, last=2, clip_norm=clip_norm))
    assert min(seen.count, 1) == count


@pytest.mark.parametrize("schedule", ["constant", "plateau", "cosine"])
def test_a_resumed_run_equals_one_that_never_stopped(schedule: str, split: Split, tmp_path: Path) -> None:
    keys = {"schedule": schedule, "optimizer": "sparse_adam", "epochs": 7, "learning_rate": 0.3, "accumulate": 2}
    keys |= {"decay": 0.5, "plateau_patience": 2, "learning_rate": 1e-6} if schedule == "plateau" else {}
    layer = {"model": {"dim": 8}, "loss": {"name": "bce"}, "training": keys | {"batches": "next_item"}}
    recipe = make_recipe(layer).training
    assert recipe is not None
    batches = NextItemBatches(split.train, 20, 50)
    rates = []

    def fitted(model: SASRec, stop: int | None = None, folder: Path | None = None) -> None:
        optimizer = build.build_optimizer(recipe, model)
        rule = build.build_schedule(recipe, batches)
        for step in fit(
            model, split, batches, epochs=7, optimizer=optimizer, schedule=rule, accumulate=2, clip_norm=1.0,
            folder=folder, resume=True,
        ):  # fmt: skip
            rates.append(step.epoch.learning_rate)
            if step.epoch.number == stop:
                return

    whole, first, second = made(split), made(split), made(split)
    fitted(whole)
    fitted(first, 4, tmp_path)  # the plateau has waited once
    fitted(second, None, tmp_path)
    assert rates[:7] == rates[7:]
    assert schedule == "constant" or len(set(rates)) > 1
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_clipping_measures_rows_that_are_read_twice_as_one() -> None:
    """(3, 0) + (0, 4) in row 1 and 12 beside: the norm is 13, where the parts alone would give another."""
    table, beside = torch.nn.Parameter(torch.zeros(3, 2)), torch.nn.Parameter(torch.zeros(1))
    model = torch.nn.ParameterList([table, beside])
    table.grad = torch.sparse_coo_tensor(
        torch.tensor([[1, 1, 1]]), torch.tensor([[9.0, 4], [0, 0], [-6, 0]]), (3, 2), check_invariants=True
    )
    beside.grad = torch.tensor([12.0])
    fabric = Fabric(accelerator="cpu", devices=1)
    clip_gradients(fabric, model, torch.optim.SGD(model.parameters()), 6.5)
    torch.testing.assert_close(table.grad.to_dense(), torch.tensor([[0, 0], [1.5, 2], [0, 0]]))
    torch.testing.assert_close(beside.grad, torch.tensor([6.0]))
    clip_gradients(fabric, model, torch.optim.SGD(model.parameters()), 100.0)
    torch.testing.assert_close(beside.grad, torch.tensor([6.0]))


def test_sparse_adam_with_a_full_softmax_is_refused() -> None:
    with pytest.raises(InputError, match=r"set loss\.name"):
        make_optimizer(SASRec(NUM_ITEMS), "sparse_adam")
