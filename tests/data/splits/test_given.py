"""Files of a split: what they imply, what is held out where one is missing, and parts that overlap."""

from __future__ import annotations

from pathlib import Path

import pytest

from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.recipe.preparing import build_dataset
from nextitem.runs.parts.build import build_split

TRAIN = [("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("v", "a", 1), ("v", "c", 2), ("w", "b", 1)]
VALID = [("u", "d", 4), ("v", "d", 4)]
TEST = [("u", "e", 5), ("v", "b", 5)]


def write(folder: Path, name: str, rows: list[tuple[str, str, int]]) -> str:
    path = folder / name
    path.write_text("user,item,timestamp\n" + "".join(f"{user},{item},{time}\n" for user, item, time in rows))
    return str(path)


def split_of(**data: str) -> tuple[Split, tuple[str, ...]]:
    recipe = make_recipe({"data": data, "model": {"name": "MarkovChain"}})
    dataset, _ = build_dataset(recipe.data)
    return build_split(recipe.split, dataset, recipe.seed), dataset.notes


def asked(split: Split, part: str) -> list[tuple[list[int], list[int]]]:
    holdout = getattr(split, part)
    return list(zip(holdout.history.to_lists(), holdout.target.to_lists(), strict=True))


def test_named_files_imply_their_split(tmp_path: Path) -> None:
    split, _ = split_of(
        source=write(tmp_path, "a.csv", TRAIN),
        valid_file=write(tmp_path, "b.csv", VALID),
        test_file=write(tmp_path, "c.csv", TEST),
    )
    assert split.name == "as given in files"
    assert asked(split, "valid") == [([1, 2, 3], [4]), ([1, 3], [4])]  # a, b, c are 1, 2, 3
    assert asked(split, "test") == [([1, 2, 3, 4], [5]), ([1, 3, 4], [2])]


def test_a_folder_of_files_implies_their_split(tmp_path: Path) -> None:
    for name, rows in (("train", TRAIN), ("valid", VALID), ("test", TEST)):
        write(tmp_path, f"{name}.csv", rows)
    assert make_recipe({"data": {"source": str(tmp_path)}}).split.kind == "given"
    assert make_recipe({"data": {"source": str(tmp_path), "parts": "join"}}).split.kind == "leave_one_out"
    assert make_recipe({"data": {"source": str(tmp_path)}, "split": {"kind": "entry"}}).split.kind == "entry"


def test_without_validation_each_users_newest_training_interaction_is_it(tmp_path: Path) -> None:
    split, notes = split_of(source=write(tmp_path, "a.csv", TRAIN), test_file=write(tmp_path, "c.csv", TEST))
    assert "there is no validation file" in notes[-1]
    assert asked(split, "valid") == [([1, 2], [3]), ([1], [3])]  # w has one interaction, which is to be learned from
    assert asked(split, "test") == [([1, 2, 3], [4]), ([1, 3], [2])]
    assert split.train.to_lists() == [[1, 2], [1], [2]]


def test_without_validation_a_tenth_is_drawn_where_rows_are_sorted_by_item(tmp_path: Path) -> None:
    """The last item of a row would be the one with the largest number, for every user."""
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    rows = [f"{user},{item}" for user in range(30) for item in range(user % 3, 60, 3)]
    train.write_text("\n".join(["user,item", *rows]) + "\n")
    test.write_text("\n".join(["user,item", *(f"{user},{(user + 1) % 3}" for user in range(30))]) + "\n")
    split, notes = split_of(source=str(train), test_file=str(test))
    assert "rows are sorted by item, not by time, so a tenth" in notes[-1]
    held = [target for _, target in asked(split, "valid")]
    assert {len(target) for target in held} == {2}
    assert len({max(target) for target in held}) > 10
    again, _ = split_of(source=str(train), test_file=str(test))
    assert asked(again, "valid") == asked(split, "valid")
    assert not any(set(history) & set(target) for history, target in asked(split, "valid"))


def test_a_validation_file_alone_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", TRAIN)
    with pytest.raises(InputError, match=r"data\.test_file is not; name the test too"):
        split_of(source=file, valid_file=write(tmp_path, "b.csv", VALID))


def test_parts_that_overlap_are_refused_or_said(tmp_path: Path) -> None:
    train, many = write(tmp_path, "a.csv", TRAIN), [("x", f"i{number}", number) for number in range(20)]
    with pytest.raises(InputError, match=r"6 of 6 rows of test \(100\.0%\) stand in train too.*--data\.parts join"):
        split_of(source=train, test_file=train)
    test = write(tmp_path, "c.csv", [*many, ("u", "a", 1)])
    _, notes = split_of(source=train, test_file=test)
    assert any("1 of 21 rows of test (4.8%) stand in train too" in note for note in notes)
    recipe = make_recipe({"data": {"source": train, "test_file": train, "parts": "join"}})
    assert build_dataset(recipe.data)[0].num_interactions == 12


def test_repetitions_without_times_are_no_overlap(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,item\nu,a\nu,b\nv,a\nv,b\n")
    dataset_notes = split_of(source=str(path), test_file=str(path))[1]
    assert not any("stand in" in note for note in dataset_notes)
