"""Graphs: what onnxruntime computes of an exported file is what the model scores, of any history."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
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
from nextitem.models.towers import SequenceModel
from nextitem.runs.export import onnx_file
from nextitem.runs.export.followed import followed

has_onnx = pytest.mark.skipif(
    not all(map(find_spec, ("onnx", "onnxruntime", "onnxscript"))),
    reason="onnx, onnxruntime and onnxscript are not installed: the extra onnx",
)
ITEMS, USERS, LENGTH = 23, 9, 5
SEQUENTIAL: dict[str, dict[str, Any]] = {
    "SASRec": {"dim": 8, "num_layers": 1, "max_length": LENGTH},
    "BERT4Rec": {"dim": 8, "num_layers": 1, "max_length": LENGTH},
    "GRU4Rec": {"dim": 8, "max_length": LENGTH},
    "Mamba4Rec": {"dim": 8, "d_state": 4, "max_length": LENGTH},
}


def saved(data: Any, model: Recommender, folder: Path, arguments: dict[str, Any], **more: Any) -> ni.Run:
    ni.save(model, data, folder, arguments, **more)
    return ni.load(folder)


def session_of(path: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def drawn(seed: int, num_rows: int, longest: int) -> list[list[int]]:
    """Rows of items, the first empty, the last the longest."""
    rng = np.random.default_rng(seed)
    lengths = [0, *rng.integers(1, longest + 1, num_rows - 2), longest]
    return [rng.integers(1, ITEMS + 1, length).tolist() for length in lengths]


@has_onnx
@pytest.mark.parametrize("name", SEQUENTIAL)
def test_a_graph_scores_as_the_model_does(data: Any, tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)

    model = MODELS[name](data.num_items, **SEQUENTIAL[name])
    run = saved(data, model, tmp_path / "run", SEQUENTIAL[name])
    assert isinstance(run.model, SequenceModel)
    run.export(tmp_path / "model.onnx")
    session = session_of(tmp_path / "model.onnx")
    for rows in (drawn(2, 7, 3), drawn(3, 4, LENGTH), drawn(4, 5, 4 * LENGTH)):
        sequences = Sequences.from_lists(rows)
        batch = history_batch(sequences, LENGTH)
        with torch.inference_mode():
            wanted = run.model.score(batch).numpy()
        scores, queries = session.run(["scores", "query"], {"items": sequences.padded().astype(np.int64)})
        np.testing.assert_allclose(scores[:, 1:], wanted[:, 1:], rtol=1e-5, atol=1e-5)
        with torch.inference_mode():
            vectors = run.model.mapped_vectors().numpy()
        np.testing.assert_allclose(queries @ vectors.T, scores, rtol=1e-5, atol=1e-5)
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["items"]) == run.items.ids(np.arange(1, len(run.items) + 1))
    assert told["model"] == name
    assert "users" not in told
    assert str(Path(__file__).parents[2]).encode() not in (tmp_path / "model.onnx").read_bytes()


@has_onnx
@pytest.mark.parametrize("loss", [None, "ccl"])
def test_a_graph_of_users_scores_as_the_model_does(data: Any, tmp_path: Path, loss: str | None) -> None:
    model = ni.models.BPR(data.num_users, data.num_items, dim=4)
    if loss is not None:
        model.score_for(loss)  # cosines
    run = saved(data, model, tmp_path / "run", {"dim": 4}, loss=loss)
    run.export(tmp_path / "model.onnx")
    users = np.array([3, 1, USERS])
    with torch.inference_mode():
        wanted = run.model.score(history_batch(Sequences.from_lists([[]] * 3), None, users)).numpy()
    session = session_of(tmp_path / "model.onnx")
    np.testing.assert_allclose(session.run(["scores"], {"users": users})[0][:, 1:], wanted[:, 1:], rtol=1e-5, atol=1e-5)
    assert json.loads(session.get_modelmeta().custom_metadata_map["users"])[0] == run.users.ids([1])[0]


@has_onnx
def test_a_graph_that_scores_otherwise_is_not_written(
    data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved(data, ni.models.BPR(data.num_users, data.num_items, dim=4), tmp_path / "run", {"dim": 4})
    with torch.no_grad():
        graph = onnx_file._graph(followed(run.model, "BPR"), run, "BPR")
        run.model.get_parameter("item_embedding.weight").mul_(1.01)
    monkeypatch.setattr(onnx_file, "_graph", lambda *_: graph)
    with pytest.raises(ni.InputError, match="the graph of BPR scores otherwise than the model"):
        run.export(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_what_has_no_graph_is_refused_by_name(data: Any, tmp_path: Path) -> None:
    model = ni.models.TiSASRec(data.num_items, dim=8)
    run = saved(data, model, tmp_path / "times", {"dim": 8})
    with pytest.raises(ni.InputError, match=r"TiSASRec does not score by a history of items alone.*SASRec"):
        run.export(tmp_path / "model.onnx")
    with pytest.raises(ni.InputError, match=r"model\.onnx holds no histories, a bundle does"):
        run.export(tmp_path / "model.onnx", histories=True)
    assert not (tmp_path / "model.onnx").exists()


def test_without_the_libraries_the_extra_is_named(data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    ni.save(ni.models.BPR(data.num_users, data.num_items, dim=4), data, tmp_path / "run", {"dim": 4})
    arguments = ["export", str(tmp_path / "run"), "--to", str(tmp_path / "model.onnx")]
    found = str(CliRunner().invoke(app, arguments).exception)
    assert "is not installed" in found
    assert 'pip install "nextitem[onnx]"' in found
