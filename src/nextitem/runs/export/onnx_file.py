"""ONNX: a run's model as a graph that other programs compute, without this library and without torch.

items  (rows, length) int64, indices, oldest first, 0 after the newest, of any length; or
users  (rows,) int64, indices, of a model that has a vector a user
scores (rows, items + 1) float32, higher is better; column 0 means nothing, and what was met is not left out
query  (rows, width) float32: scores are its products with the item table, for an index of one's own

The ids stand in the file's metadata, as JSON lists: place p of `items` (and `users`) is the id of index p + 1.

The graph is computed on histories beside the model before the file appears, and must give the same scores.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nextitem.errors import InputError
from nextitem.forking import mark_computed
from nextitem.runs.export.followed import ByHistory, ByUser, followed
from nextitem.runs.export.program import compare, following, program_of, told_of
from nextitem.runs.folder.opened import Opened
from nextitem.writing import write

LARGEST = 2**31 - 2**24  # bytes of weights: a file of this form holds no 2 GiB
INSTALL = 'is not installed; `pip install "nextitem[onnx]"`, or take a bundle: --to bundle.zip'


def write_onnx(run: Opened, path: Path) -> None:
    """Write the graph of a run's model, once it was found to score as the model does.

    Raises:
        InputError: the model is of no form that has a graph, is too large, or cannot be followed; its graph scores
            otherwise; or onnx, onnxscript or onnxruntime is not installed.
    """
    name = run.recipe.model.label
    module = followed(run.model, name).eval()
    size = sum(one.numel() * one.element_size() for one in module.state_dict().values())
    if size > LARGEST:
        raise InputError(f"{name} has {size:,} bytes of weights, and an ONNX file holds 2 GiB; take --to bundle.zip")
    runtime = _runtime()
    mark_computed()
    content = _graph(module, run, name)
    is_by_user = isinstance(module, ByUser)
    compare(_scores_of(runtime, content, is_by_user), is_by_user, run)
    write(path, content)


def _runtime() -> Any:
    """onnxruntime, if all three are there."""
    try:
        import onnx  # noqa: F401 - torch's exporter takes it, and the next
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"a graph is made and checked by onnx, onnxscript and onnxruntime, and {error.name} {INSTALL}"
        ) from error
    return onnxruntime


def _graph(module: ByHistory | ByUser, run: Opened, name: str) -> bytes:
    """The file's content."""
    is_by_user = isinstance(module, ByUser)
    with following(name):
        made = torch.onnx.export(
            program_of(module), dynamo=True, verbose=False, input_names=["users" if is_by_user else "items"],
            output_names=["scores", "query"],
        )  # fmt: skip
        assert made is not None
        graph = made.model_proto
    _forget_places(graph)
    for key, value in told_of(run, is_by_user).items():
        graph.metadata_props.add(key=key, value=value)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


def _forget_places(graph: Any) -> None:
    """Each node says where in which file of this machine it came from: nobody's business."""
    for part in (graph.graph, *graph.functions):
        for node in part.node:
            node.doc_string = ""
            del node.metadata_props[:]
        for one in (*getattr(part, "initializer", ()), *getattr(part, "input", ()), *part.value_info):
            if hasattr(one, "metadata_props"):
                del one.metadata_props[:]


def _scores_of(runtime: Any, content: bytes, by_user: bool) -> Callable[[np.ndarray], np.ndarray]:
    """What onnxruntime computes of the graph."""
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])

    def scores_of(asked: np.ndarray) -> np.ndarray:
        scores: np.ndarray = session.run(["scores"], {"users" if by_user else "items": asked})[0]
        return scores

    return scores_of
