"""Contrast: views and partners in the models that take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nextitem.data.batches import Batch, make_batches
from nextitem.data.splits.split import leave_one_out
from nextitem.data.training_data import Sizes
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS, arguments, make, takes_contrast
from nextitem.models.contents import Contents
from nextitem.models.contrast import Contrast
from nextitem.models.names import (
    BERT4Rec,
    BSARec,
    CL4SRec,
    CoSeRec,
    DuoRec,
    FMLPRec,
    GRU4Rec,
    GSASRec,
    Mamba4Rec,
    SASRec,
    TVRec,
    WEARec,
)
from nextitem.models.similar_items import most_similar
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.models.with_contents import WithContents
from nextitem.nn.losses.contrastive import info_nce_of_views
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered
from nextitem.training.fit import Progress

KINDS = [SASRec, GSASRec, TVRec, FMLPRec, BSARec, WEARec, GRU4Rec, Mamba4Rec]
SPLIT = leave_one_out(ordered())
ALL = [("cl4srec", "next_item"), ("coserec", "prefix"), ("duorec", "prefix")]


def small(kind: Any, **keys: Any) -> WithContents:
    torch.manual_seed(0)
    own = {"dim": 8, "dropout": 0.0, "max_length": 10} | ({"num_heads": 1} if "num_heads" in arguments(kind) else {})
    sizes = SPLIT.training_data.sizes_for(("item_attributes",))
    model = make(kind, Sizes(len(SPLIT.train), NUM_ITEMS, item_attributes=sizes.item_attributes), own | keys)
    assert isinstance(model, WithContents)
    model.prepare(SPLIT.training_data)
    return model


def first_batch(model: WithContents, batches: str = "prefix") -> Batch:
    wanted = model.wanted()
    made = make_batches(batches, SPLIT.train, 16, max_length=10, num_items=NUM_ITEMS, seed=1, wanted=wanted)
    return next(batch for batch in made.epoch(1) if batch.inputs.shape[1] > 5)


class TestRecurrentViews(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return GRU4Rec(num_items, dim=16, dropout=0.0).take_contrast(Contrast("cl4srec"))


class TestFilteredPartners(RecommenderTests):
    epochs = 60

    def make(self, num_users: int, num_items: int) -> Recommender:
        model = FMLPRec(num_items, dim=16, num_layers=1, dropout=0.0, max_length=20)
        return model.take_contrast(Contrast("duorec"))


class TestRobustViewsOfDescribedItems(RecommenderTests):
    def made(self, sizes: Sizes) -> Recommender:
        model = SASRec(sizes.num_items, dim=16, num_layers=1, dropout=0.0, max_length=20)
        return model.take_contrast(Contrast("coserec")).take_contents(Contents("sum"), sizes.item_attributes)


def test_the_models_that_take_a_contrast() -> None:
    assert {name for name, model in MODELS.items() if takes_contrast(model)} == {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
class TestEveryModel:
    @pytest.mark.parametrize(("contrast", "batches"), ALL)
    def test_its_first_weights_and_its_ranking_are_those_without(self, kind: Any, contrast: str, batches: str) -> None:
        if batches not in kind.trains_on:
            pytest.skip("the model learns from prefixes alone")
        plain, model = small(kind), small(kind, contrast=contrast)
        found = model.state_dict()
        for name, weight in plain.state_dict().items():
            assert torch.equal(found[name][: len(weight)] if weight.dim() else found[name], weight), name
        batch = first_batch(model, batches)
        parts = model.parts(batch)
        assert list(parts) == ["ranking", "contrast"]
        assert torch.equal(parts["ranking"], plain.loss(batch))
        assert not plain.parts(batch)
        assert torch.equal(model.eval().score(batch), plain.eval().score(batch))

    def test_the_contrast_of_views_is_that_of_their_newest_states(self, kind: Any) -> None:
        model = small(kind, contrast="cl4srec", contrast_weight=0.5, temperature=2.0)
        batch = first_batch(model)
        assert batch.views is not None
        assert int(batch.views.max()) == model.mask_item == len(model.item_embedding.weight) - 1
        one, other = (model.encode(Batch.of(view)) for view in batch.views.unbind(1))
        rows = torch.arange(len(one))
        one, other = (x[rows, newest_places(v)] for x, v in zip((one, other), batch.views.unbind(1), strict=True))
        torch.testing.assert_close(model.parts(batch)["contrast"], 0.5 * info_nce_of_views(one, other, 2.0))


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (CL4SRec, {"contrast": "cl4srec", "first_weights": "xavier", "norm": "post"}),
        (CoSeRec, {"contrast": "coserec", "norm": "bert", "first_weights": "normal"}),
        (DuoRec, {"contrast": "duorec", "norm": "bert", "first_weights": "normal"}),
    ],
)
def test_a_model_of_one_contrast_is_sasrec_with_it_by_the_same_seed(kind: Any, keys: dict[str, Any]) -> None:
    theirs, ours = small(kind, num_heads=2), small(SASRec, num_heads=2, **keys)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    batch, again = first_batch(theirs), first_batch(ours)
    for name, tensor in batch.tensors().items():
        assert torch.equal(tensor, again.tensors()[name]), name
    found, wanted = ours.parts(again), theirs.parts(batch)
    assert list(found) == ["ranking", "contrast"]
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert torch.equal(theirs.loss(batch), ours.loss(again))


def test_all_parts_of_a_loss_stand_side_by_side() -> None:
    model = small(TVRec, contrast="cl4srec", orthogonality_weight=0.1, num_bases=2)
    batch = first_batch(model)
    parts = model.parts(batch)
    assert list(parts) == ["ranking", "orthogonality", "contrast"]
    torch.testing.assert_close(model.loss(batch), sum(parts.values(), torch.zeros(())))
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))


def test_views_put_in_the_items_that_share_most_users() -> None:
    model = small(SASRec, contrast="coserec", substitute=1.0)
    assert model.views is not None
    similar = most_similar(SPLIT.training_data)
    rows, lengths = np.array([[1, 2, 3, 4]] * 50), np.full(50, 4)
    views = model.views(rows, lengths, np.random.default_rng(0)).reshape(100, -1)
    assert any(np.array_equal(view[:4], similar[[1, 2, 3, 4]]) for view in views)


def test_an_epoch_has_the_same_views_again() -> None:
    one, again = (first_batch(small(SASRec, contrast="coserec")).views for _ in range(2))
    assert one is not None
    assert again is not None
    assert torch.equal(one, again)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"contrast": "cl4rec"}, r'model\.contrast: there is no "cl4rec"; did you mean "cl4srec"'),
        ({"contrast_weight": 0.3}, r"model\.contrast_weight: .*does nothing where contrast is none"),
        ({"contrast": "duorec", "crop": 0.3}, r"model\.crop: .*contrast is duorec; take --model\.contrast cl4srec or"),
        ({"contrast": "cl4srec", "insert": 0.3}, r"model\.insert: .*take --model\.contrast coserec"),
        ({"contrast": "cl4srec", "mask_alike": False}, r"model\.mask_alike: .*take --model\.contrast duorec"),
        ({"contrast": "cl4srec", "temperature": 0.0}, r"model\.temperature: it must be above 0"),
        ({"contrast": "cl4srec", "contrast_weight": -1.0}, r"model\.contrast_weight: it must be 0 or more"),
        ({"contrast": "cl4srec", "mask": 2.0}, r"mask is a share of the items of a row"),
    ],
)
def test_values_that_are_none_or_do_nothing_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SASRec(3).take_contrast(Contrast(**keys))


def test_what_a_contrast_does_not_go_with_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.contrast: BERT4Rec has no key"):
        make_recipe({"model": {"name": "BERT4Rec", "contrast": "cl4srec"}})
    with pytest.raises(InputError, match=r"model\.contrast: BERT4Rec takes none"):
        BERT4Rec(3).take_contrast(Contrast("cl4srec"))
    with pytest.raises(InputError, match=r"model\.ratings: the rows that a contrast compares with have none"):
        small(SASRec, contrast="cl4srec", ratings=True)
    with pytest.raises(InputError, match=r"model\.contrast: SASRec reads ratings"):
        SASRec(3).take_contents(Contents(ratings=True)).take_contrast(Contrast("duorec"))
    with pytest.raises(InputError, match=r"ask for the contrast first"):
        small(SASRec, attributes="sum").take_contrast(Contrast("cl4srec"))
    with pytest.raises(InputError, match=r"SASRec with model\.contrast duorec trains on prefix batches"):
        make_recipe({"model": {"name": "SASRec", "contrast": "duorec"}, "training": {"batches": "next_item"}})


def test_a_run_tells_both_parts_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    layer = {
        "model": {"name": "GRU4Rec", "dim": 8, "contrast": "coserec"},
        "data": {"source": "synthetic"},
        "training": {"epochs": 2},
    }
    list(run(make_recipe(layer), tmp_path / "whole"))
    assert '"parts": {"ranking": ' in (tmp_path / "whole" / "log.jsonl").read_text()
    events = run(make_recipe(layer), tmp_path / "cut")
    assert any(isinstance(event, Progress) for event in events)
    events.close()  # type: ignore[attr-defined]
    assert not (tmp_path / "cut" / "report.json").exists()
    list(run(make_recipe(layer), tmp_path / "cut"))
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == other
    with pytest.raises(InputError, match="compares the rows of a batch"):
        list(run(make_recipe(layer, {"training": {"accumulate": 2}}), tmp_path / "other"))
