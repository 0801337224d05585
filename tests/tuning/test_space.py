"""What is tried of a recipe's keys: by their names, by a file, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nextitem.errors import InputError
from nextitem.models.catalogue import MODELS
from nextitem.recipe import make_recipe
from nextitem.tuning.space import Choice, Range, find_space, value_of, with_values

NOTHING = {"MarkovChain", "Popularity", "Blend"}  # of which no key is tuned


@pytest.mark.parametrize("name", [name for name in MODELS if name not in NOTHING])
def test_every_model_has_a_space_with_its_defaults_within(name: str) -> None:
    recipe = make_recipe({"model": {"name": name}})
    space = find_space(recipe)
    assert [path for path, one in space.items() if not one.holds(value_of(recipe, path))] == []


def test_a_trained_model_is_tuned_by_its_own_keys_and_those_of_training() -> None:
    space = find_space(make_recipe({"model": {"name": "SASRec"}}))
    assert list(space) == [
        "model.dim", "model.dropout", "model.first_weights", "model.num_heads", "model.num_layers", "model.positions",
        "training.average", "training.batch_size", "training.learning_rate", "training.weight_decay",
    ]  # fmt: skip
    assert space["model.first_weights"] == Choice(("normal", "xavier"))
    assert space["training.learning_rate"] == Range(1e-4, 1e-2, log=True)
    assert find_space(make_recipe({"model": {"name": "EASE"}})) == {"model.l2": Range(500 / 30, 15000.0, log=True)}


def test_averaged_weights_are_tried_where_the_recipe_takes_them_and_those_without() -> None:
    def tried(training: dict[str, Any]) -> object:
        return find_space(make_recipe({"model": {"name": "SASRec"}, "training": training})).get("training.average")

    assert tried({}) == tried({"average": "ema"}) == Choice((None, "ema"))
    assert tried({"average": "last"}) == Choice((None, "ema", "last"))
    assert tried({"average": "ema", "average_decay": 0.99}) is None  # it goes with no other
    assert tried({"average": "last", "average_count": 3}) is None
    assert tried({"strategy": "fsdp"}) is None
    recipe = make_recipe({"model": {"name": "SASRec"}})
    other = with_values(recipe, {"training.average": "ema"}).training
    assert other is not None
    assert (other.average, other.average_decay) == ("ema", None)
    assert with_values(with_values(recipe, {"training.average": "ema"}), {"training.average": None}) == recipe


def test_heads_divide_the_width() -> None:
    def tried(dim: int) -> object:
        return find_space(make_recipe({"model": {"name": "SASRec", "dim": dim}})).get("model.num_heads")

    assert tried(64) == Choice((1, 2, 4))
    assert tried(50) == Choice((1, 2))
    assert tried(25) is None


def test_of_a_whole_number_whole_ones_are_tried() -> None:
    spaces = [find_space(make_recipe({"model": {"name": name}})) for name in ("BPR", "GSASRec")]
    ranges = [space["loss.num_negatives"] for space in spaces]
    assert ranges == [Range(1, 4, log=True, is_whole=True), Range(64, 1024, log=True, is_whole=True)]


def test_near_a_value_is_within_the_range_and_another_whole_number() -> None:
    rate, share, count = Range(1e-4, 1e-2, log=True), Range(0.0, 0.6), Range(1, 3, is_whole=True)
    assert [rate.near(1e-3, step) for step in (-1, 0, 1)] == pytest.approx([1e-3 / 3, 1e-3, 3e-3])
    assert rate.near(9e-3, 1) == pytest.approx(3e-3)
    assert [share.near(0.5, step) for step in (-1, 0.5, 1)] == pytest.approx([0.35, 0.575, 0.35])
    assert Range(0.4, 0.6).near(0.5, 1) == pytest.approx(0.55)
    assert [count.near(1, step) for step in (-1, -0.1, 0.1, 1)] == [2, 2, 2, 2]
    assert [count.near(2, step) for step in (-1, -0.1, 0.1, 1)] == [1, 1, 3, 3]


def test_near_a_value_of_a_list_is_the_next_number_or_another_word() -> None:
    sizes, words = Choice((32, 64, 128)), Choice(("a", "b", "c"))
    assert [sizes.near(64, step) for step in (-1, 0.3)] == [32, 128]
    assert [sizes.near(one, step) for one, step in ((32, -1), (128, 1))] == [64, 64]
    assert [words.near("b", step) for step in (-1, -0.1, 0.1, 1)] == ["a", "a", "c", "c"]
    assert Choice((5,)).near(5, 1) == 5


def test_a_file_is_stronger_key_by_key(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        "model: {dim: [16, 48]}\ntraining.learning_rate: null\nmodel.num_heads: {low: 1, high: 2}\n"
        "training.clip_norm: [null, 1.0, 5.0]\n"
    )
    space = find_space(make_recipe({"model": {"name": "SASRec"}}), file)
    assert space["model.dim"] == Choice((16, 48))
    assert space["model.num_heads"] == Range(1, 2, is_whole=True)
    assert space["training.clip_norm"] == Choice((None, 1.0, 5.0))
    assert "training.learning_rate" not in space
    assert "model.dropout" in space


def test_a_number_needs_no_point(tmp_path: Path) -> None:
    """YAML takes 1e-4 for text."""
    file = tmp_path / "space.yaml"
    file.write_text("training.learning_rate: {low: 1e-4, high: 1e-2, log: true}\n")
    space = find_space(make_recipe({"model": {"name": "SASRec"}}), file)
    assert space["training.learning_rate"] == Range(1e-4, 1e-2, log=True)


def test_keys_of_a_contrast_are_tried_where_there_is_one() -> None:
    plain, contrasting = (make_recipe({"model": {"name": "SASRec", "contrast": one}}) for one in ("none", "cl4srec"))
    assert {"model.contrast_weight", "model.temperature"} <= find_space(contrasting).keys()
    assert not {"model.contrast_weight", "model.temperature"} & find_space(plain).keys()


def test_only_leaves_the_rest_and_fixed_keys_are_left_unless_they_are_named() -> None:
    recipe = make_recipe({"model": {"name": "SASRec"}})
    assert list(find_space(recipe, {"only": True, "model.dim": [8, 16]})) == ["model.dim"]
    assert "model.dim" not in find_space(recipe, fixed={"model.dim"})
    assert "model.dim" in find_space(recipe, {"model.dim": [8, 16]}, fixed={"model.dim"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"training.learning_rat": [0.1, 0.2]},
            'no key "training.learning_rat"; did you mean "training.learning_rate"',
        ),
        ({"dim": [8]}, 'has no key "dim"; did you mean "model.dim"'),
        ({"model.dimension": [8]}, 'did you mean "model.dim"'),
        ({"model.l2": [8]}, 'SASRec has no key "model.l2"'),
        ({"model.temperature": [8]}, "does nothing where contrast is none"),
        ({"evaluation.candidates": [100]}, "evaluation.candidates is the same for all trials"),
        ({"training.monitor": ["hr@1"]}, "training.monitor is the same for all trials"),
        ({"model.dim": [8, "many"]}, r"model.dim: .*found 'many'"),
        ({"training.weight_decay": [0.0, -1.0]}, "greater than or equal to 0"),
        ({"model.dropout": {"low": 0.5, "high": 0.1}}, "needs low < high"),
        ({"training.learning_rate": {"low": 0.0, "high": 0.1, "log": True}}, "needs 0 < low < high"),
        ({"training.learning_rate": {"low": "little", "high": 0.1}}, "needs low < high, two numbers"),
        ({"training.learning_rate": {"low": 0.1, "high": float("inf")}}, "needs low < high, two numbers"),
        ({"model.dim": 8}, "a list of values or"),
        ({"model.dim": {"low": 8, "high": 16, "steps": 2}}, "a list of values or"),
        ({"only": 3}, "only is true or false"),
        ({"only": True}, "there is nothing to tune of SASRec"),
    ],
)
def test_what_a_model_does_not_take_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_space(make_recipe({"model": {"name": "SASRec"}}), given)


def test_a_model_without_such_keys_has_nothing_to_tune() -> None:
    with pytest.raises(InputError, match="there is nothing to tune of Popularity"):
        find_space(make_recipe({"model": {"name": "Popularity"}}))


def test_values_make_another_recipe_of_all_the_other_keys() -> None:
    recipe = make_recipe({"model": {"name": "SASRec"}, "seed": 3})
    other = with_values(recipe, {"model.dim": 32, "training.learning_rate": 0.01})
    assert other.model.arguments["dim"] == 32
    assert with_values(other, {"model.dim": 64, "training.learning_rate": 0.001}) == recipe
