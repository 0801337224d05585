"""DuoRec: the conformance suite, the parts of its loss, and rows that share a target."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch, NextItemBatches, PrefixBatches, Wanted
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.duorec import DuoRec
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.losses.contrastive import info_nce_of_views
from nextitem.recipe import make_recipe
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered

SMALL = {"dim": 8, "num_layers": 1, "num_heads": 1, "dropout": 0.0, "max_length": 10}


class TestDuoRec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return DuoRec(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, max_length=20)


def batch_and_model(**more: float) -> tuple[DuoRec, Batch]:
    torch.manual_seed(0)
    model = DuoRec(NUM_ITEMS, **SMALL, **more)  # type: ignore[arg-type]
    split = leave_one_out(ordered())
    return model, next(PrefixBatches(split.train, 16, 10, seed=1, wanted=model.wanted()).epoch(1))


@pytest.mark.parametrize("mask_alike", [True, False])
def test_the_parts_are_the_next_item_and_the_contrast_with_a_row_of_the_same_target(mask_alike: bool) -> None:
    model, batch = batch_and_model(contrast_weight=0.5, temperature=2.0, mask_alike=mask_alike)
    assert batch.partners is not None
    parts = model.parts(batch)
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))
    own, other = (model.encode_at(Batch.of(rows), newest_places(rows)) for rows in (batch.inputs, batch.partners))
    kinds = batch.targets.amax(1) if mask_alike else None  # a prefix row has one
    torch.testing.assert_close(parts["contrast"], 0.5 * info_nce_of_views(own, other, 2.0, kinds))


def test_alike_rows_are_not_held_apart() -> None:
    """Rows 0 and 2 have one target. Of row 0 the others are 1 and 1', at inner products 0, and the twin is at 1."""
    one = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 0.0]])
    other = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 0.0]])
    found = info_nce_of_views(one, other, kinds=torch.tensor([4, 9, 4]))
    scores = [1.0, 1.0, 25.0]  # at the twins
    unlike = [2, 4, 2]  # views with another target, all at 0
    by_hand = [np.log(1 + count * np.exp(-score)) for score, count in zip(scores, unlike, strict=True)]
    assert float(found) == pytest.approx(np.mean(by_hand), abs=1e-6)


def test_partners_are_other_rows_with_the_same_target_all_alike_likely() -> None:
    train = Sequences.from_lists([[1, 5], [2, 5], [3, 5], [4, 6]])
    batches = PrefixBatches(train, 4, None, wanted=Wanted(partners=True))
    drawn: dict[int, list[int]] = {item: [] for item in (1, 2, 3, 4)}
    for number in range(1, 301):
        for batch in batches.epoch(number):
            assert batch.partners is not None
            for own, partner in zip(batch.inputs[:, 0].tolist(), batch.partners[:, 0].tolist(), strict=True):
                drawn[own].append(partner)
    assert set(drawn[4]) == {4}  # no other row has the target 6
    for own in (1, 2, 3):
        assert set(drawn[own]) == {1, 2, 3} - {own}
        assert 110 < drawn[own].count(min({1, 2, 3} - {own})) < 190  # of 300; 150 is the mean, 8.7 its deviation


def test_an_epoch_has_the_same_partners_again() -> None:
    first, again = (batch_and_model()[1].partners for _ in range(2))
    assert first is not None
    assert again is not None
    assert torch.equal(first, again)


def test_rows_of_many_targets_have_no_partners() -> None:
    batches = NextItemBatches(leave_one_out(ordered()).train, 16, 10, wanted=Wanted(partners=True))
    with pytest.raises(InputError, match=r"take training\.batches prefix"):
        next(batches.epoch(1))
    with pytest.raises(InputError, match="prefix"):
        make_recipe({"model": {"name": "DuoRec"}, "training": {"batches": "next_item"}})


def test_a_batch_without_partners_is_refused() -> None:
    model, batch = batch_and_model()
    with pytest.raises(InputError, match="make prefix batches with wanted"):
        model.parts(Batch(batch.users, batch.inputs, batch.targets))
