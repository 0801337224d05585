"""Recipes: layers, and errors that name the nearest right key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nextitem.errors import InputError
from nextitem.models.catalogue import MODELS
from nextitem.recipe import make_recipe, read_layer


def test_later_layers_win() -> None:
    recipe = make_recipe({"model": {"dim": 8, "num_layers": 1}}, {"model": {"dim": 16}})
    assert recipe.model.arguments["dim"] == 16
    assert recipe.model.arguments["num_layers"] == 1


def test_a_models_own_recipe_lies_under_the_users() -> None:
    assert make_recipe({"data": {"source": "synthetic"}}).training.batches == "prefix"  # type: ignore[union-attr]
    assert make_recipe({"training": {"batches": "next_item"}}).training.batches == "next_item"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_has_a_valid_recipe(name: str) -> None:
    assert make_recipe({"model": {"name": name}}).model.name == name


def test_a_recipe_survives_its_file(tmp_path: Path) -> None:
    recipe = make_recipe({"model": {"norm": "pre"}, "seed": 3, "data": {"source": "ml-1m"}})
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    assert make_recipe(read_layer(tmp_path / "recipe.yaml")) == recipe


def test_a_counted_models_recipe_survives_its_file() -> None:
    recipe = make_recipe({"model": {"name": "Popularity"}})
    assert make_recipe(yaml.safe_load(recipe.to_yaml())) == recipe


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"training": {"learning_rat": 1}}, 'no key "training.learning_rat"; did you mean "learning_rate"'),
        ({"trainig": {"epochs": 1}}, 'no key "trainig"; did you mean "training"'),
        ({"model": {"dimm": 1}}, 'SASRec has no argument "dimm"; did you mean "dim"'),
        ({"model": {"name": "sasrec"}}, 'no model "sasrec"; did you mean "SASRec"'),
        ({"model": {"dim": "wide"}}, r"model\.dim: .* found 'wide'"),
        ({"model": {"norm": "prae"}}, r"model\.norm: .*'pre'.* found 'prae'"),
        ({"training": {"epochs": 0}}, r"training\.epochs: .*greater than or equal to 1; found 0"),
        ({"training": 3}, "training is a section"),
        ({"loss": {"name": "hinge"}}, r"loss\.name: .*cross_entropy"),
        ({"evaluation": {"metrics": ["ndgc@10"]}}, 'did you mean "ndcg"'),
        ({"evaluation": {"baselines": ["Popular"]}}, 'did you mean "Popularity"'),
        ({"model": {"name": "Popularity"}, "training": {"epochs": 3}}, "Popularity takes no training"),
        ({"model": {"name": "Popularity", "dim": 3}}, "Popularity has no argument"),
    ],
)  # fmt: skip
def test_errors_name_the_key_and_the_way_out(layer: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_recipe(layer)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("format: 99\n")
    with pytest.raises(InputError, match="format 99"):
        read_layer(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("text", ["model: [", "just words", "- a\n- b"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        read_layer(tmp_path / "recipe.yaml")
