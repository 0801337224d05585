"""Files of a run folder that are whole and say what cannot be: each is looked at before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from run_damage import COMMANDS

import nextitem
from nextitem.errors import InputError
from nextitem.training.checkpoint import load_weights, save_weights


@pytest.mark.parametrize(
    "text", ["{1: 2}", "[]", "model: 3", "model: {name: [a]}", "data: {source: {}}", "&a [*a]", ""]
)
def test_a_recipe_of_another_shape_is_refused(copied: Callable[[str], Path], text: str) -> None:
    folder = copied("half")
    sections = "".join(
        f"{name}: null\n" for name in ("format", "seed", "data", "split", "loss", "training", "evaluation")
    )
    (folder / "recipe.yaml").write_text(text if text.startswith("[") else f"{text}\n")
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        nextitem.load(folder)
    (folder / "recipe.yaml").write_text(sections + f"{text if text[:5] == 'model' else 'model: {name: SASRec}'}\n")
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        nextitem.load(folder)


@pytest.mark.parametrize("change", ["shape", "finite", "kind", "negative", "names", "number", "state"])
def test_moments_are_looked_at_before_kernels_take_them(copied: Callable[[str], Path], change: str) -> None:
    folder = copied("half")
    path = folder / "checkpoint.safetensors"
    tensors, metadata = load_weights(path)
    name = "optimizer.0.exp_avg_sq"
    match change:
        case "shape":
            tensors[name] = tensors[name][:1]
        case "finite":
            tensors[name][0, 0] = float("nan")
        case "kind":
            tensors[name] = tensors[name].long()
        case "negative":
            tensors[name][0, 0] = -1.0
        case "names":
            del tensors[name]
        case "number":
            tensors["optimizer.99.exp_avg"] = tensors[name]
        case "state":
            metadata["state"] = json.dumps({"epoch": 1, "best_epoch": 7})
    save_weights(tensors, path, metadata)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
        COMMANDS["run"](folder)


@pytest.mark.parametrize("change", ["finite", "shape", "kind", "more", "fewer"])
@pytest.mark.parametrize("kind", ["run", "counted"])
def test_weights_are_looked_at_before_they_score(copied: Callable[[str], Path], kind: str, change: str) -> None:
    """Also where no report says what the file was."""
    folder = copied(kind)
    (folder / "report.json").unlink()
    tensors, metadata = load_weights(folder / "model.safetensors")
    name = max(tensors, key=lambda one: tensors[one].numel() * tensors[one].is_floating_point())
    match change:
        case "finite":
            tensors[name].view(-1)[0] = float("inf")
        case "shape":
            tensors[name] = torch.cat([tensors[name], tensors[name]])
        case "kind":
            tensors[name] = tensors[name].long()
        case "more":
            tensors["more"] = torch.ones(2)
        case "fewer":
            del tensors[name]
    save_weights(tensors, folder / "model.safetensors", metadata)
    with pytest.raises(InputError, match=r"model\.safetensors does not fit the recipe"):
        nextitem.load(folder)


@pytest.mark.parametrize(("name", "value"), [("starts", 10**6), ("followers", 99), ("followers", -1)])
def test_a_table_that_leads_outside_is_refused(copied: Callable[[str], Path], name: str, value: int) -> None:
    folder = copied("counted")
    (folder / "report.json").unlink()
    tensors, metadata = load_weights(folder / "model.safetensors")
    tensors[name][1] = value
    save_weights(tensors, folder / "model.safetensors", metadata)
    with pytest.raises(InputError, match=r"model\.safetensors does not fit the recipe"):
        nextitem.load(folder)


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"item": ["1"]}), pl.DataFrame({"id": ["1", "1"]}), pl.DataFrame({"id": ["1", None]}),
        pl.DataFrame({"id": [1.5, 2.5]}), pl.DataFrame({"id": ["1"], "name": ["a"]}), pl.DataFrame({"id": ["1", "2"]}),
    ],
)  # fmt: skip
def test_id_tables_are_looked_at(copied: Callable[[str], Path], table: pl.DataFrame) -> None:
    folder = copied("half")
    table.write_parquet(folder / "items.parquet")
    with pytest.raises(InputError, match=r"items\.parquet"):
        nextitem.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"test": None}, {"test": {"hr@5": "high"}}, {"test": {"hr@5": float("nan")}}, {"baselines": []},
        {"baselines": {"Popularity": {"hr@9": 0.5}}}, {"recipe": {}}, {"data": {}}, {"protocol": 1}, {"comparison": {}},
        {"seconds": None},
    ],
)  # fmt: skip
def test_a_report_is_looked_at(copied: Callable[[str], Path], change: dict[str, Any]) -> None:
    path = copied("run") / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"report\.json"):
        COMMANDS["show"](path.parent)
