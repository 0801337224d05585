"""ONNX: a run's model as a graph that other programs compute, without this library and without torch.

items  (rows, length) int64, indices, oldest first, 0 after the newest, of any length; or
users  (rows,) int64, indices, of a model that has a vector a user
scores (rows, items + 1) float32, higher is better; column 0 means nothing, and what was met is not left out
query  (rows, width) float32: scores are its products with the item table, for an index of one's own

The ids stand in the file's metadata, as JSON lists: place p of `items` (and `users`) is the id of index p + 1.

The graph is computed on histories beside the model before the file appears, and must give the same scores.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nextitem.data.batches import history_batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.forking import mark_computed
from nextitem.models.base import Recommender
from nextitem.nn.kernels.choose import plain
from nextitem.runs.export.followed import ByHistory, ByUser, followed
from nextitem.runs.folder.opened import Opened
from nextitem.writing import write

HISTORIES = 1000  # that are compared
ROWS = 50  # at once
CLOSE = 1e-5  # the largest difference of two scores, at scores of 1 or less; above, this part of the row's largest
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
    _compare(runtime, content, module, run, name)
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
    example = (
        torch.tensor([1, 0, 1]) if is_by_user else torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    )
    axes = {0: torch.export.Dim("rows")} | ({} if is_by_user else {1: torch.export.Dim("length")})
    with _quiet(), torch.no_grad(), plain():
        try:
            program = torch.export.export(module, (example,), dynamic_shapes=(axes,), strict=True)
            made = torch.onnx.export(
                program, dynamo=True, verbose=False, input_names=["users" if is_by_user else "items"],
                output_names=["scores", "query"],
            )  # fmt: skip
        except Exception as error:  # of many kinds, and all say the same: this model cannot
            raise InputError(
                f"{name} cannot be followed into a graph ({type(error).__name__}: {str(error).splitlines()[0][:160]}); "
                "take a bundle: --to bundle.zip"
            ) from error
        assert made is not None
        graph = made.model_proto
    _forget_places(graph)
    told = {"nextitem": version("nextitem"), "model": name, "items": json.dumps(_ids(run.items))}
    if is_by_user:
        told["users"] = json.dumps(_ids(run.users))
    for key, value in told.items():
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


def _ids(ids: IdMap) -> list[Any]:
    return list(ids.ids(np.arange(1, len(ids) + 1)))


def _compare(runtime: Any, content: bytes, module: ByHistory | ByUser, run: Opened, name: str) -> None:
    """Raises InputError where the graph scores otherwise than the model."""
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
    for rows, users in _asked(run.model, len(run.users), isinstance(module, ByUser)):
        batch = history_batch(rows, run.model.max_length, users, run.model.wanted())
        with torch.inference_mode():
            wanted = run.model.score(batch)[:, 1:].numpy()
        asked = {"users": users} if isinstance(module, ByUser) else {"items": rows.padded().astype(np.int64)}
        found = session.run(["scores"], asked)[0][:, 1:]
        scale = np.maximum(np.abs(wanted).max(1, keepdims=True), 1.0)
        worst = float((np.abs(found - wanted) / scale).max())
        if not worst <= CLOSE:
            raise InputError(
                f"the graph of {name} scores otherwise than the model, by {worst:.2g} where {CLOSE:.0e} may be, and is "
                "not written; take a bundle: --to bundle.zip"
            )


def _asked(model: Recommender, num_users: int, by_user: bool) -> Iterator[tuple[Sequences, np.ndarray]]:
    """Histories drawn at random, the first empty, up to twice as long as the model looks; and who asks."""
    rng = np.random.default_rng(0)
    longest = 2 * (model.max_length or 50)
    for start in range(0, HISTORIES, ROWS):
        lengths = rng.integers(0, (longest >> (start // ROWS % 4)) + 2, ROWS)  # widths of many kinds
        lengths[0] = 0
        lengths[1] = max(lengths[1], 1)
        rows = [] if by_user else [rng.integers(1, model.num_items + 1, length).tolist() for length in lengths]
        users = rng.integers(1, num_users + 1, ROWS) if by_user else np.zeros(ROWS, dtype=np.int64)
        yield Sequences.from_lists(rows or [[]] * ROWS), users


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch tells those who work on its exporter."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
