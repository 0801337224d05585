"""A config.yaml of another code trains our model, and says what became of its keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe.foreign import MAMBA4REC, WITHOUT_EFFECT, translate
from nextitem.recipe.layers import make_recipe

CONFIG = """\
hidden_size: 8
num_layers: 2
dropout_prob: 0.4
d_state: 4
d_conv: 3
expand: 1
root_path: ./dataset/amazon/processed/Digital_Music
MAX_ITEM_LIST_LENGTH: 20
epochs: 1
batch_size: 512
learning_rate: 0.002
weight_decay: 0
top_k: 5
logger_name: Mamba4Rec
model_saved_path: ./weight
model_saved_name: Mamba4Rec_best_epoch_model.pth
"""


def test_the_file_trains_and_its_keys_are_told(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "--recipe", str(file), "--out", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert "hidden_size: model.dim" in result.output
    assert "logger_name: no effect here" in result.output
    recipe = json.loads((tmp_path / "run/report.json").read_text())["recipe"]
    wanted = {
        "name": "Mamba4Rec", "dim": 8, "num_layers": 2, "d_state": 4, "d_conv": 3, "expand": 1, "dropout": 0.4,
        "max_length": 20, "initialisation": "recbole", "block": "mamba", "head_dim": 64,
        "first_weights": "normal",
    }  # fmt: skip
    assert {key: recipe["model"][key] for key in wanted} == wanted
    training = recipe["training"]
    assert [training[key] for key in ("epochs", "batch_size", "learning_rate", "monitor")] == [1, 512, 0.002, "hr@5"]


def test_every_key_has_a_place_in_a_recipe() -> None:
    layer, said = translate(dict.fromkeys(MAMBA4REC, 1) | dict.fromkeys(WITHOUT_EFFECT, "x"))
    make_recipe(layer)
    assert len(said) == len(MAMBA4REC) + len(WITHOUT_EFFECT)


def test_a_strange_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match='no key "hiden_size"; did you mean "hidden_size"'):
        translate({"hidden_size": 8, "d_state": 4, "hiden_size": 8})
