"""DGRec: the conformance suite."""
from __future__ import annotations
from nextitem.data.training_data import Sizes
from nextitem.models.base import Recommender
from nextitem.models.social.dgrec import DGRec
from nextitem.testing import RecommenderTests


class TestDGRec(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        return DGRec(sizes.num_users, sizes.num_items, dim=16, hidden_dim=16, num_friends=2, num_friends_of_friends=2,
            friend_length=4, dropout=0.0, max_length=20)
