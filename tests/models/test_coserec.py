"""CoSeRec: the conformance suite, and that it is SASRec with a contrast of robust views."""

from __future__ import annotations

import torch

from nextitem.data.batches import Batch, NextItemBatches
from nextitem.data.batches.augment import RobustViews
from nextitem.data.splits.split import leave_one_out
from nextitem.models.base import Recommender
from nextitem.models.sequential.coserec import CoSeRec
from nextitem.models.similar_items import most_similar
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.losses.contrastive import info_nce_of_views
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered

SPLIT = leave_one_out(ordered())


class TestCoSeRec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return CoSeRec(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, max_length=20)


def batch_of(model: SequenceModel) -> Batch:
    return next(NextItemBatches(SPLIT.train, 16, 10, seed=1, wanted=model.wanted()).epoch(1))


def made() -> CoSeRec:
    torch.manual_seed(0)
    model = CoSeRec(NUM_ITEMS, dim=8, dropout=0.0, max_length=10, contrast_weight=0.5, temperature=2.0, insert=1.0)
    model.prepare(SPLIT.training_data)
    return model


def test_the_parts_are_the_next_item_and_the_contrast_of_robust_views() -> None:
    model = made()
    batch = batch_of(model)
    assert isinstance(model.views, RobustViews)
    assert model.views.similar.tolist() == most_similar(SPLIT.training_data).tolist()
    assert batch.views is not None
    assert batch.views.shape[2] <= 10  # insertions leave the newest that the model can read
    parts = model.parts(batch)
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))
    one, other = (model.encode_at(Batch.of(view), newest_places(view)) for view in batch.views.unbind(1))
    torch.testing.assert_close(parts["contrast"], 0.5 * info_nce_of_views(one, other, 2.0))
