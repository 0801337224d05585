"""`nextitem recipe`: every key that a run would use, as a recipe file that explains itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.models.catalogue import MODELS
from nextitem.recipe import make_recipe, read_layer
from nextitem.recipe.sections import Recipe


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["recipe", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("name", sorted(MODELS))
def test_what_is_printed_is_the_recipe_of_a_run(name: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(printed("-m", name))
    assert make_recipe(read_layer(file)) == make_recipe({"model": {"name": name}})


def test_keys_and_settings_of_others_are_in_it() -> None:
    found = yaml.safe_load(printed("ml-1m", "-m", "BPR", "--like", "recstudio", "--lr", "0.5"))
    assert (found["data"]["source"], found["split"]["kind"]) == ("ml-1m", "user_entry")
    assert found["training"]["learning_rate"] == 0.5


def test_every_key_of_every_section_is_explained() -> None:
    for section in Recipe.model_fields.values():
        for key, field in getattr(type(section.default), "model_fields", {}).items():
            assert (field.description or "").endswith("."), key


def test_choices_are_named() -> None:
    assert "One of leave_one_out, leave_k_out," in " ".join(printed().replace("#", "").split())
    assert "# EASE takes no training keys." in printed("-m", "EASE")


def test_a_file_lies_under_what_is_typed(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model: {name: GRU4Rec, dim: 48}\ntraining: {epochs: 7}\n")
    found = yaml.safe_load(printed("--recipe", str(file), "--epochs", "9"))
    assert (found["model"]["name"], found["model"]["dim"], found["training"]["epochs"]) == ("GRU4Rec", 48, 9)
