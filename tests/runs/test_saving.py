"""A model that was trained in Python is kept, and comes back without its data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.general.bpr import BPR
from nextitem.models.general.ease import EASE
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.scorers import Cosine
from nextitem.runs.epochs import epochs
from nextitem.runs.objectives import sampled
from nextitem.runs.recommend import load
from nextitem.runs.saving import save
from nextitem.testing import tastes

DATA = tastes()
SPLIT = leave_one_out(DATA)


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        (SASRec(DATA.num_items, dim=8, norm="pre", max_length=5), {"dim": 8, "norm": "pre", "max_length": 5}),
        (LightGCN(DATA.num_users, DATA.num_items, dim=4), {"dim": 4}),
        (EASE(DATA.num_items), {}),
    ],
)
def test_what_is_kept_is_what_was_trained(model: Recommender, arguments: dict[str, object], tmp_path: Path) -> None:
    list(epochs(model, SPLIT, **({} if isinstance(model, EASE) else {"epochs": 1})))  # type: ignore[arg-type]
    save(model, DATA, tmp_path / "kept", arguments)
    run = load(tmp_path / "kept")
    assert all(torch.equal(found, run.model.state_dict()[name]) for name, found in model.state_dict().items())
    users = ["1"] if model.knows_users else None
    assert len(run.recommend([[str(DATA.items.ids([1])[0])]], 3, users=users)[0].items) == 3


def test_arguments_of_another_model_are_refused(tmp_path: Path) -> None:
    model = SASRec(DATA.num_items, dim=8, num_heads=2, max_length=5)
    with pytest.raises(InputError, match="scores otherwise than this one"):
        save(model, DATA, tmp_path / "kept", {"dim": 8, "max_length": 5})  # one head: the same weights
    with pytest.raises(InputError, match=r"make another SASRec than this one: .* has the shape"):
        save(model, DATA, tmp_path / "kept", {"dim": 16, "max_length": 5})
    assert list(tmp_path.iterdir()) == []
    save(model, DATA, tmp_path / "kept", {"dim": 8, "max_length": 5, "num_heads": 2})
    with pytest.raises(InputError, match="exists; name another folder"):
        save(model, DATA, tmp_path / "kept", {"dim": 8, "max_length": 5, "num_heads": 2})


def test_cosines_are_kept_with_their_loss(tmp_path: Path) -> None:
    model = BPR(DATA.num_users, DATA.num_items, dim=4)
    list(epochs(model, SPLIT, objective=sampled("info_nce", SPLIT), epochs=1))
    with pytest.raises(InputError, match="the loss where scores are cosines"):
        save(model, DATA, tmp_path / "kept", {"dim": 4})
    save(model, DATA, tmp_path / "kept", {"dim": 4}, loss="info_nce")
    assert isinstance(model.scorer, Cosine)
    loaded = load(tmp_path / "kept").model
    assert isinstance(loaded, BPR)
    assert isinstance(loaded.scorer, Cosine)
