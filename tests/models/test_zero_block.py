"""ZeroBlock: inner products with the last item's vector."""

import torch

from nextitem.data.batches import PrefixBatches
from nextitem.data.splits.split import Split
from nextitem.evaluation.evaluate import evaluate
from nextitem.models.base import Recommender, Trained
from nextitem.models.sequential.zero_block import ZeroBlock
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered


class TestZeroBlock(RecommenderTests):
    learns = "nothing"  # its scores are symmetric: it learns which items are neighbours, not which comes first
    epochs = 10

    def make(self, num_users: int, num_items: int) -> Recommender:
        return ZeroBlock(num_items, dim=16, dropout=0.0)

    def batches(self, model: Trained, split: Split) -> PrefixBatches:
        return PrefixBatches(split.train, 64, model.max_length, seed=1)

    def test_learns_the_neighbours_in_a_chain(self) -> None:
        model, split = self.fitted(ordered())  # the item itself, the one before and the one after score highest
        assert evaluate(model, split.test, ["hr@3"]).means()["hr@3"] > 0.8


def test_score_of_one_item_after_another_is_the_score_of_the_other_after_the_one() -> None:
    scores = RecommenderTests().score(ZeroBlock(NUM_ITEMS, dropout=0.0), [[i] for i in range(1, NUM_ITEMS + 1)])
    torch.testing.assert_close(scores[:, 1:], scores[:, 1:].T)


def test_score_is_the_scaled_inner_product_of_the_vectors() -> None:
    model = ZeroBlock(NUM_ITEMS, dim=9, dropout=0.0)
    vectors = model.item_embedding.weight.detach()
    torch.testing.assert_close(RecommenderTests().score(model, [[4]]), 3 * vectors[4:5] @ vectors.T)


def test_only_the_last_item_counts() -> None:
    one, other = RecommenderTests().score(ZeroBlock(NUM_ITEMS).eval(), [[1, 3, 2], [2]])
    assert torch.equal(one, other)


def test_the_item_table_is_all_it_learns() -> None:
    assert sum(one.numel() for one in ZeroBlock(10, dim=4).parameters()) == 11 * 4
