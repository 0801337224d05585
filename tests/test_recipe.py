"""Recipes: layers, and errors that name the nearest right key."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

import pytest
import yaml

from nextitem.data.sources.public import PUBLIC_DATA
from nextitem.errors import InputError
from nextitem.keys import defaults_of
from nextitem.models.catalogue import MODELS
from nextitem.models.catalogue import arguments as arguments_of
from nextitem.models.negatives import SAMPLERS
from nextitem.recipe import make_recipe, read_layer
from nextitem.recipe.options import parse_keys

HALF_PRECISION = {"precision": "16-mixed", "device": "cuda"}


def test_later_layers_win() -> None:
    recipe = make_recipe({"model": {"dim": 8, "num_layers": 1}}, {"model": {"dim": 16}})
    assert recipe.model.arguments["dim"] == 16
    assert recipe.model.arguments["num_layers"] == 1


def test_a_models_own_recipe_lies_under_the_users() -> None:
    model = {"model": {"name": "STAMP"}, "data": {"source": "synthetic"}}
    assert make_recipe(model).training.batches == "prefix"  # type: ignore[union-attr]
    assert make_recipe(model, {"training": {"batches": "next_item"}}).training.batches == "next_item"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_has_a_valid_recipe(name: str) -> None:
    assert make_recipe({"model": {"name": name}}).model.name == name


def test_a_recipe_survives_its_file(tmp_path: Path) -> None:
    recipe = make_recipe({"model": {"norm": "pre"}, "seed": 3, "data": {"source": "ml-1m"}})
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    assert make_recipe(read_layer(tmp_path / "recipe.yaml")) == recipe


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_samplers_recipe_is_filled_in_and_survives_its_file(sampler: str) -> None:
    recipe = make_recipe({"loss": {"name": "bpr", "sampler": sampler}})
    assert recipe.loss is not None
    assert recipe.loss.keys({"exclude_history"}) == {"exclude_history": True}
    assert recipe.loss.num_negatives == (None if sampler == "in_batch" else 1)
    assert make_recipe(yaml.safe_load(recipe.to_yaml())) == recipe


def test_a_counted_models_recipe_survives_its_file() -> None:
    recipe = make_recipe({"model": {"name": "Popularity"}})
    assert make_recipe(yaml.safe_load(recipe.to_yaml())) == recipe


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"training": {"learning_rat": 1}}, 'no key "training.learning_rat"; did you mean "learning_rate"'),
        ({"trainig": {"epochs": 1}}, 'no key "trainig"; did you mean "training"'),
        ({"model": {"dimm": 1}}, 'SASRec has no key "dimm", found 1; did you mean "dim"'),
        ({"model": {"name": "sasrec"}}, 'no model "sasrec"; did you mean "SASRec"'),
        ({"model": {"dim": "wide"}}, r"model\.dim: .* found 'wide'"),
        ({"model": {"norm": "prae"}}, r"model\.norm: .*'pre'.* found 'prae'"),
        ({"training": {"epochs": 0}}, r"training\.epochs: .*greater than or equal to 1; found 0"),
        ({"training": 3}, "training is a section"),
        ({"loss": {"name": "softmax"}}, r'loss\.name: there is no loss "softmax"; did you mean "sampled_softmax"'),
        ({"loss": {"name": "bce", "sampler": "midx_uni"}}, 'no sampler "midx_uni"; did you mean "midx_uniform"'),
        ({"loss": {"name": "bce", "power": 0.5}}, r"loss\.power: the uniform sampler has no key .power., found 0\.5"),
        ({"loss": {"name": "bce", "sampler": "popularity", "power": "lg"}}, r"loss\.power: .* found 'lg'"),
        ({"loss": {"name": "bce", "sampler": "dynamic", "pool": 0}}, r"loss\.pool: .*found 0"),
        ({"loss": {"name": "bce", "sampler": "in_batch", "sampling": "static"}}, "which in_batch negatives are not"),
        ({"loss": {"name": "bce", "shared": True, "sampling": "static"}}, "which shared uniform negatives are not"),
        ({"loss": {"num_negatives": 4}}, r"loss\.num_negatives: cross_entropy has no negatives"),
        ({"loss": {"sampler": "uniform"}}, r"loss\.sampler: cross_entropy has no negatives"),
        ({"model": {"name": "NCF"}, "loss": {"sampler": "midx_uniform"}}, "item vectors, which NCF does not have"),
        ({"model": {"name": "NCF"}, "loss": {"sampler": "in_batch"}}, "NCF has no matrix product"),
        ({"model": {"name": "NCF"}, "loss": {"name": "cross_entropy"}}, "item vectors, which NCF does not have"),
        ({"model": {"name": "NCF"}, "loss": {"name": "info_nce"}}, "info_nce needs item vectors, which NCF"),
        ({"loss": {"name": "bce", "margin": 1}}, r'bce has no key "margin", found 1; known: hardest_only'),
        ({"loss": {"name": "nce", "exclude_history": True}}, "nce needs the chance that the target is drawn"),
        ({"model": {"name": "EASE"}, "data": {"weight": "rating"}}, r"data\.weight: EASE counts .* BPR, "),
        ({"evaluation": {"metrics": ["ndgc@10"]}}, 'did you mean "ndcg"'),
        ({"evaluation": {"baselines": ["Popular"]}}, 'did you mean "Popularity"'),
        ({"model": {"name": "Popularity"}, "training": {"epochs": 3}}, "Popularity takes no training"),
        ({"model": {"name": "Popularity", "dim": 3}}, 'Popularity has no key "dim"'),
        ({"model": {"name": None}}, r"model\.name is a model's name, .* found None"),
        ({"training": {"optimizer": "adamm"}}, r"training\.optimizer: .*'sparse_adam'; found 'adamm'"),
        ({"training": {"schedule": "warmup"}}, r"training\.warmup_steps: the schedule warmup needs it"),
        ({"training": {"schedule": "plateau", "decay": 0.5}}, r"training\.plateau_patience: .* plateau needs it"),
        ({"training": {"warmup_steps": 9}}, r"constant has no use for it; found 9; .* warmup or cosine or"),
        ({"training": {"schedule": "cosine", "decay": 0.5}}, r"training\.decay: .* exponential or plateau"),
        (
            {"training": {"schedule": "plateau", "decay": 0.5, "plateau_patience": 7, "patience": 7}},
            r"stops after 7 validations .* before 7 of them",
        ),
        ({"training": {"optimizer": "sgd", "beta2": 0.98}}, r"training\.beta2: sgd has no second moment"),
        ({"training": {"optimizer": "sparse_adam"}}, r"set loss\.name to one with sampled negatives"),
        ({"model": {"name": "MultiVAE"}, "training": {"optimizer": "sparse_adam"}}, "this loss reads all"),
        (
            {"loss": {"name": "bce"}, "training": HALF_PRECISION | {"optimizer": "sparse_adam"}},
            "16-mixed scales gradients",
        ),
        ({"training": {"precision": "16-mixed"}}, r"16-mixed needs a GPU"),
    ],
)  # fmt: skip
def test_errors_name_the_key_and_the_way_out(layer: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_recipe(layer)


def test_recstudios_word_for_adagrad_is_understood() -> None:
    recipe = make_recipe({"training": {"optimizer": "adasgd"}})
    assert recipe.training is not None
    assert recipe.training.optimizer == "adagrad"


@pytest.mark.parametrize(
    "keys",
    [
        {"schedule": "warmup", "warmup_steps": 10},
        {"schedule": "cosine"},
        {"schedule": "cosine", "warmup_steps": 10},
        {"schedule": "exponential", "decay": 0.9},
        {"schedule": "plateau", "decay": 0.5, "plateau_patience": 2, "warmup_steps": 10},
    ],
    ids=lambda keys: "-".join(map(str, keys.values())),
)
def test_schedules_take_their_keys(keys: dict[str, object]) -> None:
    recipe = make_recipe({"training": keys})
    assert recipe.training is not None
    assert keys.items() <= recipe.training.model_dump().items()


def test_none_takes_a_lower_layers_value_away() -> None:
    recipe = make_recipe({"training": {"clip_norm": 5.0}}, {"training": {"clip_norm": None}})
    assert recipe.training is not None
    assert recipe.training.clip_norm is None


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("format: 99\n")
    with pytest.raises(InputError, match="format 99"):
        read_layer(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("text", ["model: [", "just words", "- a\n- b"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        read_layer(tmp_path / "recipe.yaml")


RECIPES = Path(str(resources.files("nextitem").joinpath("recipes")))
SHIPPED = sorted(path.stem for path in RECIPES.glob("*.yaml") if path.suffixes[0] != ".long")  # those: test_suiting.py


@pytest.mark.parametrize("file", SHIPPED)
def test_every_recipe_that_is_shipped_can_be_read(file: str) -> None:
    name, _, data = file.partition(".")
    layer = {"model": {"name": name}} | ({"data": {"source": data}} if data else {})
    assert make_recipe(layer).model.name == name
    assert not data or data in PUBLIC_DATA


@pytest.mark.parametrize("file", sorted(path.stem for path in (RECIPES / "like").glob("*.yaml")))
def test_every_setting_of_another_library_can_be_read(file: str) -> None:
    other, _, rest = file.partition(".")
    model, _, data = rest.partition(".")
    plain = {"model": {"name": model or "BPR"}, "data": {"source": data or "ml-1m"}}
    assert make_recipe(plain, {"like": other}) != make_recipe(plain)


def test_every_model_is_asked_alike_unless_another_library_is_named() -> None:
    recipes = [make_recipe({"model": {"name": name}}) for name in MODELS]
    assert {recipe.split for recipe in recipes} == {make_recipe().split}
    assert {recipe.evaluation for recipe in recipes} == {make_recipe().evaluation}
    assert {recipe.data.min_rating for recipe in recipes} == {None}
    like = make_recipe({"model": {"name": "BPR"}}, {"like": "recstudio", "split": {"test": 0.2}})
    assert (like.split.kind, like.split.valid, like.split.test) == ("user_entry", 0.1, 0.2)
    assert (like.data.min_rating, like.evaluation.baselines) == (3, ("Popularity",))
    with pytest.raises(InputError, match="recstudio"):
        make_recipe({"like": "librec"})


def test_a_recipe_of_an_earlier_version_may_have_cloze_keys_beside_other_batches(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("training: {batches: prefix, mask_share: 0.2, newest_share: 0.0, epochs: 7}\n")
    recipe = make_recipe(read_layer(file))
    assert recipe.training is not None
    assert (recipe.training.epochs, recipe.training.batch_keys) == (7, {})


def test_a_recipe_file_keeps_what_is_a_target(tmp_path: Path) -> None:
    """It is a key of all kinds of batches, cloze among them."""
    file = tmp_path / "recipe.yaml"
    file.write_text("training: {batches: prefix, target_rating: 6}\n")
    recipe = make_recipe(read_layer(file))
    assert recipe.training is not None
    assert recipe.training.target_rating == 6.0
    assert make_recipe(yaml.safe_load(recipe.to_yaml())) == recipe
    words = {"split": {"kind": "at_time", "target_rating": "buy"}, "training": {"target_rating": "cart"}}
    kept = yaml.safe_load(make_recipe(words).to_yaml())
    assert (kept["split"]["target_rating"], kept["training"]["target_rating"]) == ("buy", "cart")
    assert make_recipe({"training": {"batches": "prefix"}}) == make_recipe(
        {"training": {"batches": "prefix", "target_rating": None}}
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("PMF", "PMF learns from all that a user met, rated high or low, found 6; leave it out, or take a model"),
        ("LogisticMF", "LogisticMF learns from all"),
        ("EASE", "EASE takes no training keys; leave it out, or keep such rows alone with data.min_rating"),
    ],
)
def test_who_cannot_leave_targets_out_says_so(model: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"training\.target_rating: {message}"):
        make_recipe({"model": {"name": model}, "training": {"target_rating": 6}})


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"target_rating": [6]}, r"training\.target_rating: Input should be a valid number.*found \[6\]"),
        ({"target_rating": float("inf")}, r"training\.target_rating: Input should be a finite number"),
        ({"mask_share": 0.3}, r'training\.mask_share: the batch kind next_item has no key "mask_share", found 0\.3'),
        ({"epoch": 3}, r'there is no key "training\.epoch"; did you mean "epochs"'),
        ({"batches": "cloz"}, r"training\.batches: SASRec trains on"),
    ],
)
def test_keys_that_a_kind_of_batches_does_not_have_are_refused(training: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_recipe({"training": training})


def test_keys_of_cloze_batches_have_defaults_and_ranges() -> None:
    recipe = make_recipe({"model": {"name": "BERT4Rec"}, "training": {"mask_share": "0.4"}})
    assert recipe.training is not None
    assert recipe.training.batch_keys == {"mask_share": 0.4, "newest_share": 0.0}
    assert recipe.training.target_rating is None
    with pytest.raises(InputError, match=r"training\.mask_share: .*found 1\.5"):
        make_recipe({"model": {"name": "BERT4Rec"}, "training": {"mask_share": 1.5}})


@pytest.mark.parametrize("text", ["|", "#", "~", "*", "@", " ", "!", "%", "&", "`", "no", "yes", "on", "0", "2024",
                                  "007", "1e3", "2014-01-31", "[a]", "{a: b}", "a: b", '"|"', "'", "Null",
                                  ""])  # fmt: skip
@pytest.mark.parametrize("key", ["data.separator", "data.user", "data.valid_file", "data.folder", "data.item_table"])
def test_what_is_typed_after_a_key_of_text_is_that_text(key: str, text: str) -> None:
    section, name = key.split(".")
    for arguments in ([f"--{key}", text], [f"--{key}={text}"]):
        recipe = make_recipe({"model": {"name": "Popularity"}}, parse_keys(arguments))
        assert recipe.model_dump()[section][name] == text
        assert yaml.safe_load(recipe.to_yaml())[section][name] == text


def test_what_is_typed_after_another_key_is_read_as_yaml() -> None:
    keys = ["--training.epochs", "3", "--training.clip_norm=null", "--data.after", "2014-01-31", "--loss.shared", "yes"]
    layer = parse_keys([*keys, "--evaluation.metrics", "[hr@5, mrr]", "--training.threads", "auto"])
    assert layer["training"] == {"epochs": 3, "clip_norm": None, "threads": "auto"}
    assert layer["evaluation"] == {"metrics": ["hr@5", "mrr"]}
    assert layer["loss"] == {"shared": True}
    assert make_recipe({"data": layer["data"]}).data.after == 1391126400


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *(("data", name) for name in ("after", "before", "min_rating")),
        *(("split", name) for name in ("valid", "test", "days", "step", "valid_from", "test_from", "target_rating")),
        *(("training", name) for name in ("learning_rate", "decay", "weight_decay", "beta2", "clip_norm")),
        ("training", "average_decay"),
    ],
)
def test_numbers_are_finite(section: str, key: str) -> None:
    for value in (math.nan, math.inf, "nan", "-inf"):
        with pytest.raises(InputError, match=f"{section}.{key}: Input should be"):
            make_recipe({section: {key: value}})


def test_null_takes_text_away_too() -> None:
    lower = {"data": {"separator": ";", "user": "who"}, "model": {"name": "Popularity"}}
    recipe = make_recipe(lower, parse_keys(["--data.separator", "null"]))
    assert (recipe.data.separator, recipe.data.user) == (None, "who")


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_made_in_python_is_that_of_a_run(name: str) -> None:
    """The arguments of a model's own recipe are its constructor's defaults."""
    own = make_recipe({"model": {"name": name}, "data": {"source": "any"}}).model.arguments
    assert own == defaults_of(arguments_of(MODELS[name]))
