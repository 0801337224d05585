"""Using a run: raw ids in, raw ids out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import nextitem
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.runs.asking.recommend import Run
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.learning.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain a -> b -> c -> d -> e -> a, so that the next item is known."""
    home = tmp_path_factory.mktemp("chain")
    letters = ["a", "b", "c", "d e", "é"]
    starts = np.random.default_rng(0).integers(0, 5, 60)
    lines = [f"{user},{letters[(start + step) % 5]},{step}" for user, start in enumerate(starts) for step in range(5)]
    (home / "log.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n", encoding="utf-8")
    recipe = make_recipe({
        "data": {"source": str(home / "log.csv")},
        "model": {"dim": 16, "num_layers": 1, "dropout": 0.0, "max_length": 8},
        "training": {"epochs": 15, "batch_size": 16, "learning_rate": 0.01, "patience": 15, "monitor": "hr@1"},
        "evaluation": {"metrics": ["hr@1", "ndcg@3"]},
    })  # fmt: skip
    list(run(recipe, home / "run"))
    return home / "run"


@pytest.fixture
def loaded(folder: Path) -> Run:
    return nextitem.load(folder)


def test_the_next_item_comes_first(loaded: Run) -> None:
    found = loaded.recommend([["a", "b"], ["c", "d e"]], k=1)
    assert [one.items for one in found] == [["c"], ["é"]]


def test_scores_descend_and_seen_items_stay_out(loaded: Run) -> None:
    (found,) = loaded.recommend([["a", "b"]], k=3)
    assert found.scores == sorted(found.scores, reverse=True)
    assert not {"a", "b"} & set(found.items)


def test_seen_items_may_come_back(loaded: Run) -> None:
    (found,) = loaded.recommend([["a", "b"]], k=5, exclude_seen=False)
    assert set(found.items) == {"a", "b", "c", "d e", "é"}


def test_an_empty_history_gets_an_answer(loaded: Run) -> None:
    assert len(loaded.recommend([[]], k=2)[0].items) == 2


def test_unknown_ids_are_named(loaded: Run) -> None:
    with pytest.raises(InputError, match="'zz'"):
        loaded.recommend([["a", "zz"]], k=1)


def test_skipped_ids_are_reported(loaded: Run) -> None:
    (found,) = loaded.recommend([["zz", "a", "b"]], k=1, unknown="skip")
    assert found.skipped == ["zz"]
    assert found.items == ["c"]


def test_a_history_of_unknown_ids_only_is_refused_by_its_number(loaded: Run) -> None:
    with pytest.raises(
        InputError, match=r"history 1 has 2 item ids .*'zz', 'yy'; leave it out, or pass unknown='skip'"
    ):
        loaded.recommend([["a"], ["zz", "yy"]], k=1)


def test_a_history_of_unknown_ids_only_does_not_keep_the_others_from_their_answers(loaded: Run) -> None:
    first, second, third = loaded.recommend([["a", "b"], ["zz", "yy"], ["c", "d e"]], k=1, unknown="skip")
    assert (first.items, first.problem, third.items) == (["c"], "", ["é"])
    assert (second.items, second.scores, second.skipped) == ([], [], ["zz", "yy"])
    assert "history 1 has 2 item ids that the model does not know, and no other" in second.problem


def test_a_row_with_too_few_items_left_is_named(loaded: Run) -> None:
    with pytest.raises(
        InputError, match=r"between 1 and 2 .* for history 1 \(of user 'v'\); found 3.*leave the row out"
    ):
        loaded.recommend([["a"], ["a", "b", "c"]], k=3, users=["u", "v"])


@pytest.mark.parametrize("row", [5, None, b"ab"])
def test_a_row_that_is_no_history_is_named(loaded: Run, row: object) -> None:
    with pytest.raises(InputError, match=r"history 1 is .*; a history is a list of item ids"):
        loaded.recommend([["a"], row], k=1)  # type: ignore[list-item]


@pytest.mark.parametrize("unknown", ["error", "skip"])
def test_a_batch_of_no_user_is_no_recommendation(loaded: Run, unknown: Literal["error", "skip"]) -> None:
    assert loaded.recommend([], k=3, unknown=unknown) == []


def test_a_user_that_the_model_does_not_know_is_named_and_may_be_skipped(tmp_path: Path) -> None:
    layer = {"data": {"source": "synthetic"}, "model": {"name": "BPR", "dim": 4}, "training": {"epochs": 1}}
    list(run(make_recipe(layer, {"evaluation": {"baselines": []}}), tmp_path))
    of_bpr = nextitem.load(tmp_path)
    known = of_bpr.users.ids([1])[0]
    with pytest.raises(InputError, match=r"history 1 \(of user 'zz'\): BPR was not trained on .* unknown='skip'"):
        of_bpr.recommend([["3"], ["3"]], k=1, users=[known, "zz"])
    first, second = of_bpr.recommend([["3"], ["3"]], k=1, users=[known, "zz"], unknown="skip")
    assert len(first.items) == 1
    assert second.items == []
    assert "was not trained on the user 'zz'" in second.problem


def test_more_items_than_there_are_is_refused(loaded: Run) -> None:
    with pytest.raises(InputError, match="between 1 and 3"):
        loaded.recommend([["a", "b"]], k=4)


def test_a_text_is_no_history(loaded: Run) -> None:
    with pytest.raises(InputError, match="a history is a list"):
        loaded.recommend(["ab"], k=1)


def test_another_look_under_the_same_protocol_gives_the_same_numbers(folder: Path, loaded: Run) -> None:
    assert evaluate_again(folder).means() == loaded.report["test"]


@pytest.mark.parametrize("metrics", [None, ["hr@9"]], ids=["the run's", "named"])
def test_a_list_longer_than_a_sampled_ranking_is_refused_by_the_name_of_the_option(
    folder: Path, metrics: list[str] | None
) -> None:
    with pytest.raises(InputError, match=r"--metrics: .* holds all 2 items that are ranked"):
        evaluate_again(folder, "sampled-1", metrics=metrics)


def test_a_sampled_protocol_is_named_and_ranks_among_few(folder: Path) -> None:
    sampled = evaluate_again(folder, "sampled-1", metrics=["hr@2"])
    assert "1 uniform negatives" in sampled.protocol
    assert sampled.means()["hr@2"] == 1.0


def test_changed_data_is_noticed(folder: Path) -> None:
    log = folder.parent / "log.csv"
    text = log.read_text(encoding="utf-8")
    log.write_text(text + "60,a,0\n60,b,1\n", encoding="utf-8")
    try:
        with pytest.raises(InputError, match="no longer the data"):
            evaluate_again(folder)
    finally:
        log.write_text(text, encoding="utf-8")


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        nextitem.load(tmp_path)


def test_a_run_of_another_format_is_refused(folder: Path, tmp_path: Path) -> None:
    recipe = (folder / "recipe.yaml").read_text(encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(recipe.replace("format: 1", "format: 2"), encoding="utf-8")
    with pytest.raises(InputError, match="format 2"):
        nextitem.load(tmp_path)
