"""One object from a file or a frame to recommendations: the figures of the command line, in the frames of the user."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import nextitem as ni
from nextitem.data.synthetic import markov_chain

ROWS = [
    (f"u{user}", f"i{item}", 1_700_000_000 + 60 * step)
    for user, row in enumerate(markov_chain(num_users=40, num_items=15, mean_length=8).sequences.to_lists())
    for step, item in enumerate(row)
]
FRAME = pl.DataFrame(ROWS, schema=["user", "item", "created_at"], orient="row")
SMALL = {"dim": 8, "num_layers": 1, "max_length": 5}
TRAINING = {"training": {"epochs": 2}}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    FRAME.write_csv(path)
    return path


@pytest.fixture(scope="module")
def fitted() -> ni.Estimator:
    return ni.make("SASRec", recipe=TRAINING, **SMALL).fit(FRAME)


def test_its_figures_are_those_of_a_run_to_the_last_digit(log: Path, fitted: ni.Estimator, tmp_path: Path) -> None:
    recipe = ni.make_recipe({"model": {"name": "SASRec", **SMALL}, "data": {"source": str(log)}}, TRAINING)
    expected = ni.run(recipe, tmp_path / "run").report["test"]
    of_file = ni.make("SASRec", recipe=TRAINING, **SMALL).fit(log)
    of_pandas = ni.make("SASRec", recipe=TRAINING, **SMALL).fit(FRAME.to_pandas())
    for one in (fitted, of_file, of_pandas):
        assert one.evaluate().means() == expected
    assert [one.epoch.number for one in fitted.history] == [1, 2]


def test_filters_of_the_recipe_hold_for_frames_too(log: Path) -> None:
    cores = {"data": {"item_core": 20}}
    of_file, of_frame = (ni.make("MarkovChain", recipe=cores).fit(data) for data in (log, FRAME))
    assert of_file.dataset.num_items == of_frame.dataset.num_items < 15
    assert of_file.evaluate().means() == of_frame.evaluate().means()


def test_answers_are_frames_of_the_kind_that_came_in(fitted: ni.Estimator) -> None:
    found = fitted.recommend(["u3", "u1"], k=2)
    assert isinstance(found, pl.DataFrame)
    assert found.columns == ["user", "rank", "item", "score", "source"]
    assert found["user"].to_list() == ["u3", "u3", "u1", "u1"]
    assert isinstance(ni.make("MarkovChain").fit(FRAME.to_pandas()).recommend(k=1), pd.DataFrame)


def test_everyone_is_recommended_to_and_nothing_that_they_met(fitted: ni.Estimator) -> None:
    found = fitted.recommend(k=1)
    assert sorted(found["user"]) == sorted(set(FRAME["user"]))
    met = {(user, item) for user, item, _ in ROWS}
    assert not met & set(zip(found["user"], found["item"], strict=True))


def test_some_items_are_left_out_or_are_all_there_is(fitted: ni.Estimator) -> None:
    first = fitted.recommend(histories=[["i1", "i2"]], k=1)["item"][0]
    assert first not in fitted.recommend(histories=[["i1", "i2"]], k=5, exclude=[first])["item"].to_list()
    only = fitted.recommend(histories=[["i1", "i2"]], k=2, only=["i7", "i8"])
    assert sorted(only["item"]) == ["i7", "i8"]


def test_a_stranger_is_refused_or_gets_what_is_popular(fitted: ni.Estimator) -> None:
    with pytest.raises(ni.InputError, match="nobody"):
        fitted.recommend(["nobody"], k=1)
    found = fitted.recommend(["nobody", "u1"], k=1, fallback="popularity")
    assert found["source"].to_list() == ["popularity", "model"]


def test_similar_items(fitted: ni.Estimator) -> None:
    found = fitted.similar("i3", k=4)
    assert found["rank"].to_list() == [1, 2, 3, 4]
    assert "i3" not in found["item"].to_list()
    assert found["score"].is_sorted(descending=True)
    assert found["score"].max() <= 1.0 + 1e-6
    with pytest.raises(ni.InputError, match="'nothing' is not known"):
        fitted.similar("nothing")
    with pytest.raises(ni.InputError, match="has no vector an item"):
        ni.make("MarkovChain").fit(FRAME).similar("i3")


def test_it_is_kept_for_use(fitted: ni.Estimator, tmp_path: Path) -> None:
    fitted.save(tmp_path / "kept")
    histories = [["i1", "i2"], ["i4"]]
    kept = ni.load(tmp_path / "kept").recommend(histories, k=3)
    assert [item for one in kept for item in one.items] == fitted.recommend(histories=histories, k=3)["item"].to_list()


def test_what_is_not_fitted_or_known_is_said() -> None:
    model = ni.make("SASRec", dim=8)
    assert repr(model) == "Estimator(SASRec, not fitted)"
    for ask in (model.recommend, model.evaluate, lambda: model.similar("x")):
        with pytest.raises(ni.InputError, match=r"has not been fitted; call fit\(data\) first"):
            ask()
    with pytest.raises(ni.InputError, match='did you mean "dim"'):
        ni.make("SASRec", dims=8)
    with pytest.raises(ni.InputError, match='did you mean "SASRec"'):
        ni.make("SASrec")
    with pytest.raises(ni.InputError, match="a Dataset has its columns already"):
        model.fit(ni.read_dataset(FRAME), user="user")
