"""DiffNet: the conformance suite, and influence on a path of three users by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.data.side.triples import Triples
from nextitem.data.splits.split import leave_one_out
from nextitem.data.synthetic import dataset_of
from nextitem.data.training_data import Side, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.social.diffnet import DiffNet
from nextitem.recipe import make_recipe
from nextitem.runs.parts.build import build_model
from nextitem.testing import RecommenderTests


class TestDiffNet(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return DiffNet(num_users, num_items, dim=16, num_layers=1)


def path(repeats: int = 1) -> TrainingData:
    """Users 1 - 2 - 3; user 1 has met item 1, twice."""
    heads, tails = (np.array(ends * repeats, dtype=np.int32) for ends in ([1, 2], [2, 3]))
    trust = Triples(heads, np.ones_like(heads), tails, 3, IdMap.of(list[str]()), IdMap.of(["trusts"]))
    return TrainingData.of(Sequences.from_lists([[1, 1], [], []]), 1, Side(trust=trust))


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize(
    ("num_layers", "include_self", "expected"),
    [(2, True, [6.5, 6.5, 8.5]), (2, False, [5.5, 4.5, 4.5]), (0, True, [2.0, 2.0, 4.0])],
)
def test_influence_spreads_over_friends_and_ends_with_the_items_met(
    num_layers: int, include_self: bool, expected: list[float], repeats: int
) -> None:
    """Own parts 1, 2, 4; friends' means 2, 2.5, 2 and 2.5, 2, 2.5; the mean of the items met 1, 0, 0."""
    model = DiffNet(3, 1, dim=1, num_layers=num_layers, include_self=include_self)
    with torch.no_grad():
        model.user_embedding.weight[:, 0] = torch.tensor([0.0, 1.0, 2.0, 4.0])
        model.item_embedding.weight[1] = 1.0
    model.prepare(path(repeats))
    assert model.eval().user_vectors()[1:, 0].tolist() == pytest.approx(expected)


def test_without_a_network_a_run_says_how_to_bring_one() -> None:
    split = leave_one_out(dataset_of([[1, 2, 3, 4]] * 4))
    with pytest.raises(InputError, match=r"DiffNet learns from a network of users, .* --data\.trust"):
        build_model(make_recipe({"model": {"name": "DiffNet"}}), split)
