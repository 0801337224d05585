"""WRMF is IALS."""

import torch

from nextitem.data.sequences import Sequences
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Recommender
from nextitem.models.general.ials import IALS
from nextitem.models.general.wrmf import WRMF
from nextitem.testing import RecommenderTests


class TestWRMF(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return WRMF(num_users, num_items, dim=4, alpha=10.0, regularization=1.0)


def test_it_finds_the_same_factors() -> None:
    found = []
    for kind in (IALS, WRMF):
        torch.manual_seed(0)
        model = kind(3, 4, dim=2)
        model.fit(TrainingData.of(Sequences.from_lists([[1, 2], [2, 3], [4, 1]])))
        found.append(model.state_dict())
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())
