"""One target of each user: the first, the last or a random one, after what came before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import nextitem as ni
from nextitem.data.dataset import Dataset
from nextitem.data.sequences import Sequences
from nextitem.data.splits.split import Split
from nextitem.data.splits.timed import at_time
from nextitem.data.synthetic import dataset_of
from nextitem.errors import InputError
from nextitem.recipe import SplitRecipe, make_recipe
from nextitem.runs.parts.build import build_split


def two_users() -> Dataset:
    """User 1 meets 1 .. 6 at these times; user 2, who is new in the test, 7, 8, 9 from 5 on."""
    plain = dataset_of([[1, 2, 3, 4, 5, 6], [7, 8, 9]])
    rows = plain.sequences
    stamps = np.array([1, 2, 3, 4, 5, 6, 5, 6, 7], dtype=np.int64)
    return Dataset(Sequences(rows.items, rows.starts, rows.stops, stamps), plain.users, plain.items)


def split(**keys: object) -> Split:
    return build_split(
        SplitRecipe.model_validate({"kind": "at_time", "valid_from": 2, "test_from": 4} | keys), two_users(), 0
    )


def test_the_first_by_hand() -> None:
    """Nothing came before the first target of user 2, who is not asked."""
    found = split(cases="first")
    assert (found.valid.history.to_lists(), found.valid.target.to_lists()) == ([[1]], [[2]])
    assert (found.test.users.tolist(), found.test.history.to_lists()) == ([1], [[1, 2, 3]])
    assert found.test.target.to_lists() == [[4]]
    assert found.name == "at 2 and 4 s, the first target of each user with what came before it"


def test_the_last_by_hand() -> None:
    found = split(cases="last")
    assert (found.valid.history.to_lists(), found.valid.target.to_lists()) == ([[1, 2]], [[3]])
    assert found.test.users.tolist() == [1, 2]
    assert found.test.history.to_lists() == [[1, 2, 3, 4, 5], [7, 8]]
    assert found.test.target.to_lists() == [[6], [9]]
    assert found.test.trained.to_lists() == [[1], []]


def test_random_draws_each_target_that_something_came_before() -> None:
    plain = at_time(two_users(), 2, 4)
    drawn: dict[int, set[int]] = {1: set(), 2: set()}
    for seed in range(40):
        test = ni.split.one_target(plain, "random", seed).test
        for user, history, target in zip(
            test.users.tolist(), test.history.to_lists(), test.target.to_lists(), strict=True
        ):
            drawn[user].add(target[0])
            assert history == list(range(1 if user == 1 else 7, target[0]))
    assert drawn == {1: {4, 5, 6}, 2: {8, 9}}


def test_the_seed_alone_decides_what_is_drawn() -> None:
    plain = at_time(two_users(), 2, 4)
    found = [ni.split.one_target(plain, "random", seed).test.target.to_lists() for seed in (3, 3, 4, 5, 6, 7)]
    assert found[0] == found[1]
    assert len({str(one) for one in found}) > 1
    assert SplitRecipe(kind="at_time", cases="random").is_random
    assert not SplitRecipe(kind="at_time", cases="last").is_random


@pytest.mark.parametrize(("word", "cases"), [("all", "together"), ("successive", "each")])
def test_words_of_the_study(word: str, cases: str) -> None:
    assert SplitRecipe.model_validate({"kind": "at_time", "cases": word}).cases == cases


@pytest.mark.parametrize("found", ["frist", ["first"], 1])
def test_a_recipe_has_no_other_word(found: object) -> None:
    with pytest.raises(InputError, match=r"recipe: split\.cases: Input should be 'together', 'each', 'first', 'last'"):
        make_recipe({"split": {"kind": "at_time", "cases": found}})


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "user_entry", "cases": "last"}, r"split\.cases last asks in the order of time.*take order time"),
        ({"kind": "leave_one_out", "cases": "first"}, r"split\.cases is of given and at_time"),
    ],
)
def test_one_target_is_of_splits_with_an_order(keys: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_split(SplitRecipe.model_validate(keys), two_users(), 0)


def test_a_word_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match=r'no target "lats".*did you mean "last"'):
        ni.split.one_target(at_time(two_users(), 2, 4), "lats")  # type: ignore[arg-type]


def test_first_targets_that_nothing_came_before_are_refused() -> None:
    plain = dataset_of([[1, 2], [3, 4], [5, 6]])
    rows = plain.sequences
    stamps = np.array([1, 2, 3, 4, 5, 6], dtype=np.int64)
    data = Dataset(Sequences(rows.items, rows.starts, rows.stops, stamps), plain.users, plain.items)
    with pytest.raises(InputError, match=r"cases first: nothing came before the first target of valid and test"):
        ni.split.one_target(at_time(data, 3, 5), "first")


def test_targets_that_stand_elsewhere_than_behind_their_histories_are_refused() -> None:
    split = at_time(two_users(), 2, 4)
    apart = replace(split.test, target=replace(split.test.target, items=split.test.target.items.copy()))
    with pytest.raises(InputError, match="targets follow their histories in one array"):
        ni.split.one_target(replace(split, test=apart), "last")
