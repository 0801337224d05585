"""Marks: rows of an item table that are no items. A model reads them; nobody is recommended one."""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.models.base import Recommender
from nextitem.models.towers import SequenceModel
from nextitem.testing import NUM_ITEMS, RecommenderTests, batch_of

MARK = NUM_ITEMS + 1


class Opened(SequenceModel):
    """Every history is read behind a mark; the state at a place is the sum of the vectors up to it, mapped."""

    def __init__(self, num_items: int, dim: int, num_marks: int = 1) -> None:
        super().__init__(num_items, dim, num_marks)
        self.mark = num_items + 1
        self.output = torch.nn.Linear(dim, dim)

    def encode(self, batch: Batch) -> Tensor:
        opening = self.item_embedding(torch.full_like(batch.inputs[:, :1], self.mark))
        return self.output(opening + self.item_embedding(batch.inputs))


class TestOpened(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return Opened(num_items, dim=16)


def model_whose_mark_is_far_out() -> Opened:
    """Its inner product with any state is the greatest of all, if it is asked for."""
    torch.manual_seed(0)
    model = Opened(NUM_ITEMS, dim=4)
    with torch.no_grad():
        model.item_embedding.weight[MARK] = 50.0
        model.output.weight.copy_(torch.eye(4))
        model.output.bias.zero_()
    return model


def test_a_mark_has_no_score() -> None:
    model = model_whose_mark_is_far_out()
    assert model.score(batch_of(model, [[1, 2]])).shape == (1, NUM_ITEMS + 1)


def test_a_mark_is_not_in_the_softmax() -> None:
    model = model_whose_mark_is_far_out()
    inputs, targets = torch.tensor([[1, 2]]), torch.tensor([[2, 3]])
    scores = model.encode(Batch.of(inputs))[0] @ model.item_embedding.weight[1:MARK].T
    by_hand = torch.nn.functional.cross_entropy(scores, targets[0] - 1)
    torch.testing.assert_close(model.loss(Batch(torch.tensor([1]), inputs, targets)), by_hand)


def test_a_table_without_marks_is_scored_with_as_it_is() -> None:
    model = Opened(NUM_ITEMS, dim=4, num_marks=0)
    assert model.item_vectors() is model.item_embedding.weight
