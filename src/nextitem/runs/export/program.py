"""Program: a run's model as torch follows it, and its comparison with the model, for every form that is made of it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
import torch

from nextitem.data.batches import history_batch
from nextitem.data.ids import IdMap
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.nn.kernels.choose import plain
from nextitem.runs.export.followed import ByHistory, ByUser
from nextitem.runs.folder.opened import Opened

HISTORIES = 1000  # that are compared
ROWS = 50  # at once
CLOSE = 1e-5  # the largest difference of two scores, at scores of 1 or less; above, this part of the row's largest


def program_of(module: ByHistory | ByUser) -> torch.export.ExportedProgram:
    """The module as a program of torch's own operations, in any number of rows of any length; raises what torch does
    where it cannot follow."""
    is_by_user = isinstance(module, ByUser)
    example = (
        torch.tensor([1, 0, 1]) if is_by_user else torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    )
    axes = {0: torch.export.Dim("rows")} | ({} if is_by_user else {1: torch.export.Dim("length")})
    return torch.export.export(module, (example,), dynamic_shapes=(axes,), strict=True)


@contextmanager
def following(name: str) -> Iterator[None]:
    """A context to follow a model in, which an error calls by `name`: in plain operations, without what torch tells
    those who work on its exporters.

    Raises:
        InputError: it cannot be followed.
    """
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad(), plain():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # of many kinds, and all say the same: this model cannot
        raise InputError(
            f"{name} cannot be followed into a graph ({type(error).__name__}: {str(error).splitlines()[0][:160]}); "
            "take a bundle: --to bundle.zip"
        ) from error
    finally:
        log.setLevel(before)


def told_of(run: Opened, by_user: bool) -> dict[str, str]:
    """What a file says beside the graph: of what it is, and the ids as JSON lists, place p that of index p + 1."""
    told = {"nextitem": version("nextitem"), "model": run.recipe.model.label, "items": _ids(run.items)}
    return told | ({"users": _ids(run.users)} if by_user else {})


def _ids(ids: IdMap) -> str:
    return json.dumps(list(ids.ids(np.arange(1, len(ids) + 1))))


def compare(scores_of: Callable[[np.ndarray], np.ndarray], by_user: bool, run: Opened) -> None:
    """`scores_of` gives the graph's scores (B, V) of users (B,) int64, or of padded histories (B, T) int64.

    Raises:
        InputError: they are not the model's.
    """
    for rows, users in _asked(run.model, len(run.users), by_user):
        batch = history_batch(rows, run.model.max_length, users, run.model.wanted())
        with torch.inference_mode():
            wanted = run.model.score(batch)[:, 1:].numpy()
        found = scores_of(users if by_user else rows.padded().astype(np.int64))[:, 1:]
        scale = np.maximum(np.abs(wanted).max(1, keepdims=True), 1.0)
        worst = float((np.abs(found - wanted) / scale).max())
        if not worst <= CLOSE:
            raise InputError(
                f"the graph of {run.recipe.model.label} scores otherwise than the model, by {worst:.2g} where "
                f"{CLOSE:.0e} may be, and is not written; take a bundle: --to bundle.zip"
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
