"""A model that was trained in Python is kept, and comes back without its data."""

from __future__ import annotations

import json
import linecache
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.splits.split import leave_one_out
from nextitem.errors import InputError
from nextitem.models.asking import asked
from nextitem.models.base import Recommender
from nextitem.models.general.bpr import BPR
from nextitem.models.general.ease import EASE
from nextitem.models.general.light_gcn import LightGCN
from nextitem.models.sequential.sasrec import SASRec
from nextitem.nn.scorers import Cosine
from nextitem.runs.asking.recommend import load
from nextitem.runs.asking.saving import save
from nextitem.runs.learning.epochs import epochs
from nextitem.runs.parts.objectives import sampled
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


CELL = """
import torch
from torch import Tensor, nn
from nextitem.data.batches import Batch
from nextitem.models.towers import SequenceModel

class Mine(SequenceModel):
    '''The newest item, turned.'''

    def __init__(self, num_items: int, dim: int = 16, is_even: bool = True) -> None:
        super().__init__(num_items, dim)
        self.turn = nn.Linear(dim, dim, bias=not is_even)

    def encode(self, batch: Batch) -> Tensor:
        return self.turn(self.item_embedding(batch.inputs))
"""


def in_notebook(monkeypatch: pytest.MonkeyPatch, cell: str = CELL, name: str = "Mine") -> type[Recommender]:
    """A class that a cell defined: of a module without a file, its text kept in memory."""
    notebook, place = ModuleType("a_notebook"), f"<cell {hash(cell)}>"
    monkeypatch.setitem(sys.modules, "a_notebook", notebook)
    monkeypatch.setitem(linecache.cache, place, (len(cell), None, cell.splitlines(keepends=True), place))
    exec(compile(cell, place, "exec"), vars(notebook))
    found = vars(notebook)[name]
    assert issubclass(found, Recommender)
    return found


def test_a_class_of_a_file_is_kept_and_given_back(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CELL)
    own = asked(f"{tmp_path}/mine.py:Mine")
    assert own is not None
    model = own.model(DATA.num_items, dim=8)  # type: ignore[call-arg]
    save(model, DATA, tmp_path / "kept", {"dim": 8})
    (opened, command) = (load(tmp_path / "kept", models=[own.model]), ["recommend", str(tmp_path / "kept")])
    assert all(torch.equal(found, opened.model.state_dict()[name]) for name, found in model.state_dict().items())
    with pytest.raises(InputError, match=r"would run Mine of .*mine\.py.*--trust-code.*load\(RUN, models=\[\.\.\]\)"):
        load(tmp_path / "kept")
    item = str(DATA.items.ids([1])[0])
    found = CliRunner().invoke(app, [*command, "--history", item, "--trust-code", "--json"], catch_exceptions=False)
    assert json.loads(found.output)["items"] == opened.recommend([[item]])[0].items
    with pytest.raises(InputError, match="make another Mine than this one"):
        save(model, DATA, tmp_path / "other", {"dim": 16})


def test_a_class_of_a_notebook_is_kept_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = in_notebook(monkeypatch)
    save(kind(DATA.num_items, is_even=False), DATA, tmp_path / "kept", {"is_even": False})  # type: ignore[call-arg]
    assert json.loads((tmp_path / "kept/code.json").read_text())["file"] is None
    again = in_notebook(monkeypatch, f"import os\n{CELL}\nprint(os.name)")  # another cell of another day
    item = str(DATA.items.ids([1])[0])
    (expected,) = load(tmp_path / "kept", models=[again]).recommend([[item]])
    with pytest.raises(InputError, match=r"Mine, a class of a notebook\..*load\(RUN, models=\[Mine\]\); .*--code FILE"):
        load(tmp_path / "kept")
    with pytest.raises(InputError, match=r"Mine of a notebook .* another now .*; bring that text back"):
        load(tmp_path / "kept", models=[in_notebook(monkeypatch, CELL.replace("16", "8"))])
    command = ["recommend", str(tmp_path / "kept"), "--history", item, "--json"]
    with pytest.raises(InputError, match="write it into a file, and name that: --code FILE"):
        CliRunner().invoke(app, [*command, "--trust-code"], catch_exceptions=False)
    (tmp_path / "mine.py").write_text(f"# moved\n{CELL}")
    found = CliRunner().invoke(app, [*command, "--code", str(tmp_path / "mine.py")], catch_exceptions=False)
    assert json.loads(found.output)["items"] == expected.items


def test_a_class_whose_text_nobody_keeps_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = in_notebook(monkeypatch)
    linecache.cache.clear()
    with pytest.raises(InputError, match=r"stands in no file .*write it into a file"):
        save(kind(DATA.num_items), DATA, tmp_path / "kept")
    local = type("SASRec", (SASRec,), {})  # ours is called so too
    with pytest.raises(InputError, match="must stand at the top of"):
        save(local(DATA.num_items), DATA, tmp_path / "kept")


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
