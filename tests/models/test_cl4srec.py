"""CL4SRec: the conformance suite, the parts of its loss, and what cannot be cut into parts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nextitem.data.batches import Batch, PrefixBatches
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.sequential.cl4srec import CL4SRec
from nextitem.models.sequential.sasrec import SASRec
from nextitem.models.towers import SequenceModel, newest_places
from nextitem.nn.losses.contrastive import info_nce_of_views
from nextitem.recipe import make_recipe
from nextitem.runs.learning.run import run
from nextitem.testing import NUM_ITEMS, RecommenderTests, ordered

SMALL = {"dim": 8, "num_layers": 1, "num_heads": 1, "dropout": 0.0, "max_length": 10}


class TestCL4SRec(RecommenderTests):
    def make(self, num_users: int, num_items: int) -> Recommender:
        return CL4SRec(num_items, dim=16, num_layers=1, num_heads=2, dropout=0.0, max_length=20)


def batch_and_model(**more: float) -> tuple[CL4SRec, Batch]:
    torch.manual_seed(0)
    model = CL4SRec(NUM_ITEMS, **SMALL, **more)  # type: ignore[arg-type]
    split = leave_one_out(ordered())
    return model, next(PrefixBatches(split.train, 16, 10, seed=1, wanted=model.wanted()).epoch(1))


def test_the_parts_are_the_next_item_and_the_contrast_of_the_states_of_two_views() -> None:
    model, batch = batch_and_model(contrast_weight=0.5, temperature=2.0)
    assert batch.views is not None
    parts = model.parts(batch)
    torch.testing.assert_close(parts["ranking"], SequenceModel.loss(model, batch))
    one, other = (model.encode_at(Batch.of(view), newest_places(view)) for view in batch.views.unbind(1))
    torch.testing.assert_close(parts["contrast"], 0.5 * info_nce_of_views(one, other, 2.0))
    torch.testing.assert_close(model.loss(batch), parts["ranking"] + parts["contrast"])


def test_a_contrast_of_one_row_has_nothing_to_tell_apart() -> None:
    assert info_nce_of_views(torch.randn(1, 3), torch.randn(1, 3)).item() == 0


def test_the_mask_is_neither_scored_nor_a_class_of_the_softmax() -> None:
    model, batch = batch_and_model()
    assert model.item_embedding.weight.shape == (NUM_ITEMS + 2, 8)
    assert model.score(batch).shape[1] == NUM_ITEMS + 1


def test_without_contrast_it_is_sasrec_in_the_same_layout() -> None:
    model, batch = batch_and_model(contrast_weight=0.0)
    plain = SASRec(NUM_ITEMS, **SMALL, norm="post")  # type: ignore[arg-type]
    weights = model.state_dict()
    weights["item_embedding.weight"] = weights["item_embedding.weight"][:-1]
    plain.load_weights(weights)
    torch.testing.assert_close(model.loss(batch), plain.loss(batch))


def test_a_run_tells_both_parts_and_refuses_to_cut_batches(tmp_path: Path) -> None:
    layer = {
        "model": {"name": "CL4SRec", **SMALL},
        "data": {"source": "synthetic"},
        "training": {"epochs": 1, "loggers": ["csv"]},
    }
    list(run(make_recipe(layer), tmp_path / "run"))
    assert '"parts": {"ranking": ' in (tmp_path / "run" / "log.jsonl").read_text()
    assert "loss contrast" in (tmp_path / "run" / "log.csv").read_text().splitlines()[0]
    with pytest.raises(InputError, match="compares the rows of a batch"):
        list(run(make_recipe(layer, {"training": {"accumulate": 2}}), tmp_path / "other"))
