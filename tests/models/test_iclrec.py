"""ICLRec: the conformance suite, its intents, and the parts of its loss against plain loops."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from nextitem.data.batches import Batch, NextItemBatches
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import leave_one_out
from nextitem.data.training_data import Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.iclrec import ICLRec
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.losses.contrastive import info_nce_of_views
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered
from nextitem.training.fit import Progress

SPLIT = leave_one_out(ordered())


class TestICLRec(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        keys = {"num_layers": 1, "num_clusters": 8, "max_length": 20}
        return ICLRec(sizes.num_users, sizes.num_items, dim=16, dropout=0.0, **keys)  # type: ignore[arg-type]


def begun(**keys: float) -> tuple[ICLRec, Batch]:
    torch.manual_seed(0)
    model = ICLRec(len(SPLIT.train), NUM_ITEMS, dim=8, dropout=0.0, max_length=10, num_clusters=5, **keys)  # type: ignore[arg-type]
    model.prepare(SPLIT.training_data)
    batches = NextItemBatches(SPLIT.train, 16, 10, seed=1, wanted=model.wanted())
    return model, next(batches.epoch(1))


def test_the_parts_are_those_of_plain_loops() -> None:
    model, batch = begun(contrast_weight=0.5, intent_weight=0.25, temperature=2.0)
    model.begin_epoch(1)
    assert batch.views is not None
    parts = model.parts(batch)
    assert list(parts) == ["ranking", "contrast", "intents"]
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))
    views = batch.views.unbind(1)
    one, other = (model.encode_at(Batch.of(view), newest_places(view)) for view in views)
    torch.testing.assert_close(parts["contrast"], 0.5 * info_nce_of_views(one, other, 2.0))
    losses = []
    for view in views:
        lengths = [max(int((row > 0).sum()), 1) for row in view]
        means = [x[:n].mean(0) for x, n in zip(model.encode(Batch.of(view)), lengths, strict=True)]
        codes = model.intents.codes[batch.users].tolist()
        both = [*means, *(model.intents.middles[code] for code in codes)]
        count = len(means)
        for row, asking in enumerate(both):
            twin = (row + count) % (2 * count)
            others = [
                one for one in range(2 * count)
                if one == twin or (one != row and codes[one % count] != codes[row % count])
            ]  # fmt: skip
            total = sum(math.exp((asking @ both[one]).item() / 2.0) for one in others)
            losses.append(math.log(total) - (asking @ both[twin]).item() / 2.0)
    assert parts["intents"].item() == pytest.approx(0.25 * sum(losses) / len(losses), rel=1e-4)
    assert len(set(model.intents.codes[batch.users].tolist())) > 1


def test_users_are_known_by_the_mean_of_the_states_that_training_shows() -> None:
    train = TrainingData.of(Sequences.from_lists([[1, 2, 3, 4], [5, 6], [7]]), 8)
    model = ICLRec(3, 8, dim=4, num_heads=1, max_length=2, num_clusters=2)
    model.prepare(train)
    model.eval()
    found = model.user_states()
    by_hand = model.encode(Batch.of(torch.tensor([[2, 3]])))[0].mean(0)
    assert found.shape == (4, 4)
    torch.testing.assert_close(found[1], by_hand)
    torch.testing.assert_close(found[2], model.encode(Batch.of(torch.tensor([[5]])))[0, 0])


def test_clusters_are_of_what_is_alike_and_the_same_by_the_same_seed() -> None:
    codes = []
    for _ in range(2):
        model, _batch = begun()
        torch.manual_seed(7)
        model.begin_epoch(1)
        assert model.training
        codes.append(model.intents.codes.tolist())
    assert codes[0] == codes[1]
    lengths = model.intents.middles.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_intents_begin_after_the_warm_up_and_need_the_training_rows() -> None:
    model, batch = begun(warm_up_epochs=1)
    model.begin_epoch(1)
    assert model.parts(batch)["intents"].item() == 0.0
    model.begin_epoch(2)
    assert model.parts(batch)["intents"].item() > 0.0
    with pytest.raises(InputError, match=r"has seen none: call prepare"):
        ICLRec(3, 8).begin_epoch(1)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    layer = {
        "model": {"name": "ICLRec", "dim": 8, "num_clusters": 4},
        "data": {"source": "synthetic"},
        "training": {"epochs": 2, "batches": "next_item"},
    }
    list(run(make_recipe(layer), tmp_path / "whole"))
    events = run(make_recipe(layer), tmp_path / "cut")
    assert any(isinstance(event, Progress) for event in events)
    events.close()  # type: ignore[attr-defined]
    list(run(make_recipe(layer), tmp_path / "cut"))
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == other
