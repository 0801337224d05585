"""Mamba4Rec: the conformance suite, its size, and the shapes of its authors' example."""

from __future__ import annotations

from nextitem.models.base import Recommender
from nextitem.models.sequential.mamba4rec import Mamba4Rec
from nextitem.testing import RecommenderTests


class TestMamba4Rec(RecommenderTests):
    epochs = 15

    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(num_items, dim=16, d_state=8, dropout=0.0, max_length=20)


class TestTwoLayersOfficially(TestMamba4Rec):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return Mamba4Rec(
            num_items, dim=16, num_layers=2, d_state=4, dropout=0.0, max_length=None, initialisation="official"
        )
