"""Programs of torch.export: what torch computes of an exported file is what the model scores, of any history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.batches import history_batch
from nextitem.data.sequences import Sequences
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.runs.export import torch_file
from nextitem.runs.export.followed import followed

ITEMS, USERS, LENGTH = 23, 9, 5
SEQUENTIAL: dict[str, dict[str, Any]] = {
    "SASRec": {"dim": 8, "num_layers": 1, "max_length": LENGTH},
    "GRU4Rec": {"dim": 8, "max_length": LENGTH},
}


def saved(data: Any, model: Recommender, folder: Path, arguments: dict[str, Any]) -> ni.Run:
    ni.save(model, data, folder, arguments)
    return ni.load(folder)


def opened(path: Path) -> tuple[Any, dict[str, Any]]:
    told = dict.fromkeys(("items.json", "users.json", "model"), "")
    return torch.export.load(path, extra_files=told).module(), told


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_a_program_scores_as_the_model_does(data: Any, tmp_path: Path, name: str) -> None:
    run = saved(data, MODELS[name](data.num_items, **SEQUENTIAL[name]), tmp_path / "run", SEQUENTIAL[name])
    told = CliRunner().invoke(app, ["export", str(tmp_path / "run"), "--to", str(tmp_path / "model.pt2"), "--json"])
    assert json.loads(told.stdout)["bytes"] == (tmp_path / "model.pt2").stat().st_size
    program, beside = opened(tmp_path / "model.pt2")
    asked: list[list[list[int]]] = [[[]], [[1, 2, 3], [4]], [list(range(1, 4 * LENGTH)), [7], []]]
    for rows in asked:
        sequences = Sequences.from_lists(rows)
        with torch.inference_mode():
            wanted = run.model.score(history_batch(sequences, LENGTH))
        scores, queries = program(torch.from_numpy(sequences.padded().astype(np.int64)))
        torch.testing.assert_close(scores[:, 1:], wanted[:, 1:], rtol=1e-5, atol=1e-5)
        assert len(queries) == len(rows)
    assert json.loads(beside["items.json"]) == run.items.ids(np.arange(1, len(run.items) + 1))
    assert beside["model"] == name


def test_a_program_of_users_scores_as_the_model_does(data: Any, tmp_path: Path) -> None:
    run = saved(data, ni.models.BPR(data.num_users, data.num_items, dim=4), tmp_path / "run", {"dim": 4})
    run.export(tmp_path / "model.pt2")
    users = np.array([3, 1, USERS])
    with torch.inference_mode():
        wanted = run.model.score(history_batch(Sequences.from_lists([[]] * 3), None, users))
    program, beside = opened(tmp_path / "model.pt2")
    torch.testing.assert_close(program(torch.from_numpy(users))[0][:, 1:], wanted[:, 1:], rtol=1e-5, atol=1e-5)
    assert json.loads(beside["users.json"])[0] == run.users.ids([1])[0]


def test_a_program_that_scores_otherwise_is_not_written(
    data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved(data, ni.models.BPR(data.num_users, data.num_items, dim=4), tmp_path / "run", {"dim": 4})

    def other(model: Any, name: str) -> Any:
        found = followed(model, name)
        with torch.no_grad():
            found.get_buffer("queries").mul_(1.01)
        return found

    monkeypatch.setattr(torch_file, "followed", other)
    with pytest.raises(ni.InputError, match="the graph of BPR scores otherwise than the model"):
        run.export(tmp_path / "model.pt2")
    assert not (tmp_path / "model.pt2").exists()


def test_what_has_no_graph_is_refused_by_name(data: Any, tmp_path: Path) -> None:
    run = saved(data, ni.models.TiSASRec(data.num_items, dim=8), tmp_path / "times", {"dim": 8})
    with pytest.raises(ni.InputError, match="TiSASRec does not score by a history of items alone"):
        run.export(tmp_path / "model.pt2")
