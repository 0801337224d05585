"""Objectives by the name of a loss, and by a function of one's own."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor

from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.negatives import SAMPLERS, sampler_keys
from nextitem.nn.losses.by_name import LOSSES, loss_keys
from nextitem.nn.objectives import Sampled
from nextitem.nn.samplers.popularity import PopularitySampler
from nextitem.nn.scorers import InnerProduct
from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_model
from nextitem.runs.parts.objectives import sampled
from nextitem.testing import tastes

SPLIT = leave_one_out(tastes())
USERS, TARGETS = torch.arange(1, 9), torch.arange(1, 9)


def value(objective: torch.nn.Module) -> float:
    """The loss of eight targets under fixed vectors, with the negatives of one seed."""
    draw = torch.Generator().manual_seed(0)
    queries, vectors = (torch.randn(size, 4, generator=draw) for size in (8, SPLIT.num_items + 1))
    torch.manual_seed(0)
    return float(objective(queries, vectors, TARGETS, USERS, scorer=InnerProduct()))


def test_it_takes_the_keys_of_every_loss_and_sampler() -> None:
    known = set(inspect.signature(sampled).parameters)
    wanted = {key for name in LOSSES for key in loss_keys(name)} | {
        key for name in SAMPLERS for key in sampler_keys(name)
    }
    own = {"loss", "split", "sampler", "num_negatives", "sampling", "seed", "batches", "max_length", "target_rating"}
    assert known - own == wanted


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_the_objective_of_a_recipe(name: str) -> None:
    recipe = make_recipe({"model": {"name": "SASRec"}, "loss": {"name": name, "num_negatives": 4}})
    of_recipe = build_model(recipe, SPLIT).objective
    assert isinstance(of_recipe, Sampled)
    objective = sampled(name, SPLIT, num_negatives=4)
    assert value(objective) == value(of_recipe)
    assert objective.asked_scorer == of_recipe.asked_scorer


def test_keys_reach_loss_and_sampler() -> None:
    objective = sampled("info_nce", SPLIT, sampler="popularity", power="log", temperature=1.0)
    assert isinstance(objective.sampler, PopularitySampler)
    assert value(objective) != value(sampled("info_nce", SPLIT, sampler="popularity", power="log"))


def test_a_loss_of_ones_own() -> None:
    def margin(positive: Tensor, negative: Tensor) -> Tensor:
        return (1 + negative - positive[:, None]).clamp(min=0).sum(1).mean()

    objective = sampled(margin, SPLIT, num_negatives=5)
    assert objective.loss is margin
    assert value(objective) > 0


def test_in_batch_asks_what_is_trained_on() -> None:
    with pytest.raises(InputError, match="pass batches="):
        sampled("bpr", SPLIT, sampler="in_batch")
    assert sampled("bpr", SPLIT, sampler="in_batch", batches="pair").num_negatives is None


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"loss": "bprr"}, 'did you mean "bpr"'),
        ({"loss": "cross_entropy"}, "samples none"),
        ({"sampler": "uniformly"}, 'did you mean "uniform"'),
        ({"margin": 1.0}, 'bpr has no key "margin"'),
        ({"pool": 3}, 'uniform sampler has no key "pool"'),
        ({"num_negatives": 0}, "1 or more, found 0"),
        ({"sampling": "fixed"}, "dynamic or static"),
        ({"max_length": 5}, "are of the sampler in_batch"),
        ({"loss": lambda positive, negative: positive.mean(), "margin": 1.0}, "a key of losses by name"),
    ],
)
def test_what_does_nothing_is_refused(keys: dict[str, object], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        sampled(**{"loss": "bpr", "split": SPLIT, **keys})  # type: ignore[arg-type]
