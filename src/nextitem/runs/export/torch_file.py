"""torch: a run's model as a program of `torch.export`, which torch computes without this library.

It takes and gives what the ONNX graph does (see onnx_file.py), `torch.export.load(path).module()(items)` giving scores
and queries. The files items.json, and users.json where these are asked, stand in it beside the program, as do nextitem
and model. It is computed on histories beside the model, as it was read back, before the file appears.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch

from nextitem.forking import mark_computed
from nextitem.runs.export.followed import ByUser, followed
from nextitem.runs.export.program import compare, following, program_of, told_of
from nextitem.runs.folder.opened import Opened
from nextitem.writing import write

JSON = {"items": "items.json", "users": "users.json"}  # what it says beside the graph -> the file with it


def write_torch(run: Opened, path: Path) -> None:
    """Write the program of a run's model, once it was found to score as the model does.

    Raises:
        InputError: the model is of no form that has a graph, or cannot be followed; or its program scores otherwise.
    """
    name = run.recipe.model.label
    module = followed(run.model, name).eval()
    by_user, content = isinstance(module, ByUser), BytesIO()
    mark_computed()
    told = {JSON.get(key, key): text for key, text in told_of(run, by_user).items()}
    with following(name):
        torch.export.save(program_of(module), content, extra_files=told)
        content.seek(0)
        computed = torch.export.load(content).module()

    def scores_of(asked: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            scores: np.ndarray = computed(torch.from_numpy(asked))[0].numpy()
        return scores

    compare(scores_of, by_user, run)
    write(path, content.getvalue())
