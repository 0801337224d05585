"""Configurations of other codes, as layers of a recipe: the `config.yaml` of AlwaysFHao/Mamba4RecWithoutRecbole."""

from __future__ import annotations

from typing import Any

from nextitem.errors import InputError, suggest
from nextitem.recipe.layers import Layer

MAMBA4REC = {
    "hidden_size": "model.dim",
    "num_layers": "model.num_layers",
    "dropout_prob": "model.dropout",
    "d_state": "model.d_state",
    "d_conv": "model.d_conv",
    "expand": "model.expand",
    "MAX_ITEM_LIST_LENGTH": "model.max_length",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "weight_decay": "training.weight_decay",
    "top_k": "evaluation.metrics, training.monitor",
}
WITHOUT_EFFECT = {
    "root_path": "name the data with -d",
    "logger_name": "the run folder has log.jsonl",
    "model_saved_path": "name the run folder with --out",
    "model_saved_name": "the run folder has model.safetensors",
}
TELLING = {"hidden_size", "d_state"}  # both stand in every such file, and neither in a recipe of ours


def is_mamba4rec(layer: Layer) -> bool:
    return layer.keys() >= TELLING


def translate(layer: Layer) -> tuple[Layer, list[str]]:
    """The layer in our keys, and a line for every key: what became of it.

    That code trains on prefixes, and keeps the epoch of the highest hit rate at `top_k` on the validation cases.

    >>> translate({"hidden_size": 64, "d_state": 32, "root_path": "dataset"})[1]
    ['hidden_size: model.dim', 'd_state: model.d_state', 'root_path: no effect here; name the data with -d']

    Raises:
        InputError: a key that such a file does not have.
    """
    ours: dict[str, dict[str, Any]] = {"model": {"name": "Mamba4Rec"}, "training": {"batches": "prefix"}}
    said = []
    for key, value in layer.items():
        if key in WITHOUT_EFFECT:
            said.append(f"{key}: no effect here; {WITHOUT_EFFECT[key]}")
            continue
        if key not in MAMBA4REC:
            raise InputError(
                f'the file looks like a config.yaml of Mamba4Rec without RecBole, which has no key "{key}"; '
                f"{suggest(key, [*MAMBA4REC, *WITHOUT_EFFECT])}"
            )
        said.append(f"{key}: {MAMBA4REC[key]}")
        if key == "top_k":
            ours["evaluation"] = {"metrics": [f"hr@{value}", f"ndcg@{value}"]}
            ours["training"]["monitor"] = f"hr@{value}"
        else:
            section, _, name = MAMBA4REC[key].partition(".")
            ours[section][name] = value
    return ours, said
