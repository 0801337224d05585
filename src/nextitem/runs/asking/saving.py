"""save: a model that was trained in Python becomes a run folder, which `load` opens without the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nextitem.data.batches import Batch, history_batch
from nextitem.data.dataset import Dataset
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS, check_arguments
from nextitem.models.own import own_model
from nextitem.recipe import make_recipe
from nextitem.replacing import new_folder
from nextitem.runs.asking.recommend import load
from nextitem.runs.folder.histories import write_histories
from nextitem.runs.folder.identity import describe_data
from nextitem.runs.folder.places import directory_of
from nextitem.runs.folder.run_folder import RunFolder

PROBES = 8  # users whose scores are compared


def save(
    model: Recommender,
    dataset: Dataset,
    folder: str | Path,
    arguments: Mapping[str, object] | None = None,
    *,
    loss: str | None = None,
    keep_histories: bool = True,
) -> None:
    """Keep a trained model and the ids of its data set in a folder, for `ni.load`, which needs no data.

        model = ni.models.SASRec(dataset.num_items, dim=32)
        ni.save(model, dataset, "models/sasrec", {"dim": 32})

    A class of your own is kept by its name and the digest of its code, and `ni.load(folder, models=[Mine])` takes it.
    `arguments` are those that the model was made with, beside the sizes of the data; what is left out is the
    constructor's default. `loss` is the name of the loss, which is needed where scores are cosines (info_nce, ccl).
    With `keep_histories` the items of every user are kept too, so that `run.recommend(users=[..])` needs no history.
    Before the folder appears, the model is loaded from it: that one must give the same scores.

    Raises:
        InputError: the folder exists, a class of your own stands in no file and no notebook, or the arguments make
            another model.
    """
    folder, name, kind = Path(folder), type(model).__name__, type(model)
    own = [] if MODELS.get(name) is kind else [own_model(kind)]
    if folder.exists():
        raise InputError(f"{folder} exists; name another folder")
    layer = {
        "model": {"name": own[0].name if own else name, **check_arguments(kind, dict(arguments or {}))},
        "data": {"source": dataset.name},
        "evaluation": {"keep_histories": keep_histories},
    }
    recipe = make_recipe(layer, {} if loss is None else {"loss": {"name": loss}}, models=own)
    data = TrainingData(dataset.sequences, dataset.num_items, dataset.side)
    with new_folder(folder) as part:
        kept = RunFolder(part)
        kept.write_ids(dataset.items, dataset.users, dataset.item_attributes)
        kept.write_data(describe_data(dataset), directory_of(recipe.data))
        kept.write_sizes(data.sizes_for(model.needs))
        kept.write_recipe(recipe)
        kept.write_weights(model.state_dict())
        if keep_histories:
            write_histories(part, dataset.sequences, model.wanted())
        try:
            loaded = load(part, models=own).model
        except InputError as error:
            raise InputError(f"the arguments make another {name} than this one: {error.__cause__ or error}") from error
        if not torch.equal(*(_scores(one, dataset) for one in (model, loaded))):
            raise InputError(
                f"the arguments make a {name} that scores otherwise than this one; name all that it was made with, and "
                "the loss where scores are cosines"
            )


def _scores(model: Recommender, dataset: Dataset) -> Tensor:
    """(8, V) of the first users, as in use; the model stays in the mode it is in."""
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        scores = model.score(_batch(model, dataset))[:, 1:]
    model.train(was_training)
    return scores


def _batch(model: Recommender, dataset: Dataset) -> Batch:
    users = np.arange(1, min(PROBES, dataset.num_users) + 1)
    return history_batch(dataset.sequences.take(users - 1), model.max_length, users, model.wanted())
