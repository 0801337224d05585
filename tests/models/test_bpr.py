"""BPR: matrix factorisation."""

from nextitem.models.base import Recommender
from nextitem.models.general.bpr import BPR
from nextitem.testing import RecommenderTests


class TestBPR(RecommenderTests):
    learns = "taste"

    def make(self, num_users: int, num_items: int) -> Recommender:
        return BPR(num_users, num_items, dim=8)
