"""Cases: sessions in files of their own are asked click by click, and a given split is never split anew unasked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.splits.cases import growing
from nextitem.data.splits.given import given_files
from nextitem.data.splits.split import Split
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.protocol import Protocol
from nextitem.recipe import DataRecipe, SplitRecipe
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.parts.build import build_baseline, build_split

ROWS = [[1, 2, 3], [2, 3, 4], [4, 1, 2], [2, 3, 4, 1], [3]]  # the last two are tested, the third validated


def given(rows: list[list[int]] = ROWS, parts: tuple[int, ...] = (0, 0, 1, 2, 2)) -> Dataset:
    """Each row is wholly in one part."""
    data = dataset_of(rows)
    of_all = np.repeat(np.array(parts, dtype=np.int8), [len(row) for row in rows])
    return Dataset(data.sequences, data.users, data.items, "sessions", parts=of_all)


def split(data: Dataset, **keys: object) -> Split:
    return build_split(SplitRecipe.model_validate(keys), data, 0)


def test_each_click_has_what_came_before_it() -> None:
    """A session's first click has nothing before it, and is not asked for."""
    found = split(given(), kind="given", cases="each")
    assert found.test.history.to_lists() == [[2], [2, 3], [2, 3, 4]]
    assert found.test.target.to_lists() == [[3], [4], [1]]
    assert found.test.users.tolist() == [4, 4, 4]
    assert found.test.trained.to_lists() == [[], [], []]
    assert (found.valid.history.to_lists(), found.valid.target.to_lists()) == ([[4], [4, 1]], [[1], [2]])
    assert found.name == "as given in files, each target with what came before it"


def test_training_is_left_as_it_is() -> None:
    assert split(given(), kind="given", cases="each").train.to_lists() == [[1, 2, 3], [2, 3, 4], [], [], []]


def test_a_history_grows_from_what_was_seen_before() -> None:
    """At a time: user 1's 3 and 4 are the test, 2 the validation."""
    plain = dataset_of([[1, 2, 3, 4], [5, 6, 7, 8]])
    stamps = np.array([1, 2, 3, 4, 1, 2, 3, 4], dtype=np.int64)
    rows = plain.sequences
    data = Dataset(Sequences(rows.items, rows.starts, rows.stops, stamps), plain.users, plain.items)
    test = split(data, kind="at_time", valid_from=2, test_from=3, cases="each").test
    assert test.history.to_lists() == [[1, 2], [1, 2, 3], [5, 6], [5, 6, 7]]
    assert test.target.to_lists() == [[3], [4], [7], [8]]


def test_one_target_is_the_same_case_either_way() -> None:
    data = dataset_of([[1, 2, 3, 4], [2, 3, 4, 1]])
    together = split(data, kind="user_entry", valid=1, test=1, order="time")
    each = growing(together.test)
    assert each.history.to_lists() == together.test.history.to_lists()
    assert each.target.to_lists() == together.test.target.to_lists()


def test_a_chain_of_sessions_is_found_click_by_click() -> None:
    """Item n is followed by n + 1 everywhere: MarkovChain knows it, as soon as it is told of the last click."""
    rows = [[(start + step) % 9 + 1 for step in range(4)] for start in range(27)]
    data = given(rows, (0,) * 18 + (1,) * 4 + (2,) * 5)
    found = split(data, kind="given", cases="each")
    report = evaluate(build_baseline("MarkovChain", found, 0), found.test, ["hr@1"], Protocol())
    assert report.means()["hr@1"] == 1.0
    assert "15 cases" in report.protocol


@pytest.mark.parametrize(("cases", "words"), [(None, r"2 of 2 test users .*--split\.cases each.*together")])
def test_sessions_without_a_history_are_asked_about(cases: str | None, words: str) -> None:
    data = given([[1, 2, 3], [2, 3, 4], [4], [2, 3, 4, 1], [3, 1]])
    with pytest.raises(InputError, match=words):
        split(data, kind="given", cases=cases)


def test_together_may_be_named() -> None:
    assert split(given(), kind="given", cases="together").test.target.to_lists() == [[2, 3, 4, 1], [3]]


def test_nothing_before_any_target_is_refused() -> None:
    with pytest.raises(InputError, match="nothing came before any target of test"):
        split(given([[1, 2], [2, 1], [1, 2], [2], [1]]), kind="given", cases="each")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "leave_one_out", "cases": "each"}, "cases is of given and at_time"),
        ({"kind": "entry", "cases": "each"}, "take order time"),
    ],
)
def test_cases_are_of_splits_with_an_order(keys: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        split(dataset_of([[1, 2, 3]]), **keys)


def folder(path: Path, *names: str) -> Path:
    for place, name in enumerate(names):
        (path / name).write_text(f"user,item,time\n1,{place},{place}\n2,{place + 5},{place}\n")
    return path


def test_a_given_split_is_not_split_anew(tmp_path: Path) -> None:
    data, _ = build_dataset(DataRecipe(source=str(folder(tmp_path, "train.csv", "valid.csv", "test.csv"))))
    with pytest.raises(InputError, match=r"leave_one_out would split it anew.*--split\.kind given.*--data\.parts join"):
        split(data, kind="leave_one_out")


def test_parts_that_are_joined_are_one_log(tmp_path: Path) -> None:
    source = str(folder(tmp_path, "train.csv", "valid.csv", "test.csv"))
    data, _ = build_dataset(DataRecipe(source=source, parts="join"))
    assert split(data, kind="leave_one_out").test.history.to_lists() == [[1, 2], [4, 5]]


def test_join_without_files_is_refused(tmp_path: Path) -> None:
    source = str(folder(tmp_path, "log.csv") / "log.csv")
    with pytest.raises(InputError, match=r"data\.parts join: .* is no folder of train, valid and test files"):
        build_dataset(DataRecipe(source=source, parts="join"))


@pytest.mark.parametrize(
    "names",
    [
        ("train.txt", "valid.txt", "test.txt"),
        ("x.train.inter", "x.valid.inter", "x.test.inter"),
        ("x_train.csv.gz", "x_val.csv.gz", "x_test.csv.gz"),
        ("train.csv", "dev.csv", "test.csv"),
    ],
)
def test_files_of_a_split_are_told_by_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = given_files(folder(tmp_path, *names, "training.csv", "trains.txt"))
    assert found is not None
    assert tuple(one.name for one in found if one is not None) == names


def test_two_splits_in_one_folder_are_asked_about(tmp_path: Path) -> None:
    folder(tmp_path, "train.csv", "valid.csv", "test.csv", "train.txt", "valid.txt", "test.txt")
    with pytest.raises(InputError, match=r"more than one split, train\.csv and train\.txt"):
        given_files(tmp_path)
