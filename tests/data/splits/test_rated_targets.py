"""Only what was rated highly, or of a kind that counts so much, is asked for."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nextitem as ni
from nextitem.data.splits.cases import rated_targets
from nextitem.data.splits.split import Split
from nextitem.data.splits.timed import at_time
from nextitem.errors import InputError
from nextitem.recipe import SplitRecipe
from nextitem.runs.parts.build import build_split

KINDS = {"view": 1, "cart": 3, "buy": 6}


def cut(rows: list[tuple[int, str, str, int]]) -> Split:
    log = pl.DataFrame(rows, ["user", "item", "event", "timestamp"], orient="row")
    return at_time(ni.read_dataset(log, kind="event", kinds=KINDS), 10, 20)


ROWS = [
    (1, "a", "view", 1), (1, "b", "buy", 11), (1, "c", "view", 21), (1, "d", "buy", 22), (1, "e", "buy", 23),
    (2, "a", "buy", 2), (2, "c", "buy", 12), (2, "b", "cart", 24), (2, "e", "view", 25),
]  # fmt: skip


def test_purchases_alone_are_asked_for() -> None:
    split = rated_targets(cut(ROWS), 6)
    assert split.test.target.to_lists() == [[4, 5]]  # d and e of user 1; user 2 bought nothing
    assert split.test.users.tolist() == [1]
    assert split.test.history.to_lists() == [[1, 2]]
    assert split.valid.target.to_lists() == [[2], [3]]
    assert split.name.endswith("targets rated 6 and more")
    assert rated_targets(cut(ROWS), 3).test.target.to_lists() == [[4, 5], [2]]


def test_each_is_asked_with_all_that_came_before_it() -> None:
    """Views between purchases are seen."""
    split = ni.split.rated_targets(ni.split.each_target(cut(ROWS)), 6)
    assert split.test.target.to_lists() == [[4], [5]]
    assert split.test.history.to_lists() == [[1, 2, 3], [1, 2, 3, 4]]
    assert split.train.num_interactions == cut(ROWS).train.num_interactions


def test_nothing_left_and_no_ratings_are_refused() -> None:
    with pytest.raises(InputError, match="no target of valid and test was rated so; lower it"):
        rated_targets(cut(ROWS), 7)
    log = pl.DataFrame(ROWS, ["user", "item", "event", "timestamp"], orient="row")
    with pytest.raises(InputError, match=r"the log has no ratings; name their column with --data\.rating"):
        rated_targets(at_time(ni.read_dataset(log), 10, 20), 6)


def test_the_recipe_asks_for_it() -> None:
    log = pl.DataFrame(ROWS, ["user", "item", "event", "timestamp"], orient="row")
    dataset = ni.read_dataset(log, kind="event", kinds=KINDS)
    keys = {"kind": "at_time", "valid_from": 10, "test_from": 20, "target_rating": 6}
    assert build_split(SplitRecipe.model_validate(keys), dataset, 0).test.target.to_lists() == [[4, 5]]
    with pytest.raises(InputError, match=r"split\.cases last for one of all"):
        build_split(SplitRecipe.model_validate({**keys, "cases": "last"}), dataset, 0)


def test_a_kind_is_asked_for_by_its_word() -> None:
    log = pl.DataFrame(ROWS, ["user", "item", "event", "timestamp"], orient="row")
    dataset = ni.read_dataset(log, kind="event", kinds=KINDS)
    keys = {"kind": "at_time", "valid_from": 10, "test_from": 20}
    for word, number in KINDS.items():
        split, same = (
            build_split(SplitRecipe.model_validate({**keys, "target_rating": one}), dataset, 0)
            for one in (word, str(number))
        )
        assert split.test.target.to_lists() == same.test.target.to_lists()
        assert split.name == same.name


def test_the_kinds_are_kept_beside_a_prepared_folder(tmp_path: Path) -> None:
    log = pl.DataFrame(ROWS, ["user", "item", "event", "timestamp"], orient="row")
    ni.read_dataset(log, kind="event", kinds=KINDS).save(tmp_path / "ready")
    split = at_time(ni.read_dataset(tmp_path / "ready"), 10, 20)
    assert rated_targets(split, "buy").test.target.to_lists() == [[4, 5]]


def test_a_word_that_is_no_kind_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        InputError, match=r'split\.target_rating: "bought" is no kind .* view \(1\), cart \(3\), buy \(6\)'
    ):
        rated_targets(cut(ROWS), "bought")
    log = pl.DataFrame(ROWS, ["user", "item", "event", "timestamp"], orient="row")
    rated = log.with_columns(rating=pl.lit(5.0))
    with pytest.raises(InputError, match="the log has no kinds; name their column and their numbers"):
        rated_targets(at_time(ni.read_dataset(rated, rating="rating"), 10, 20), "buy")


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abcd"), st.sampled_from(list(KINDS))), min_size=1))
def test_what_is_asked_is_a_part_of_the_targets_in_their_order(drawn: list[tuple[int, str, str]]) -> None:
    rows = [*ROWS, *((user, item, kind, 30 + place) for place, (user, item, kind) in enumerate(drawn))]
    whole, split = cut(rows), rated_targets(cut(rows), 6)
    found = dict(zip(split.test.users.tolist(), split.test.target.to_lists(), strict=True))
    ratings = whole.test.target.ratings
    assert ratings is not None
    for row, user in enumerate(whole.test.users.tolist()):
        places = range(whole.test.target.starts[row], whole.test.target.stops[row])
        wanted = [int(whole.test.target.items[place]) for place in places if ratings[place] >= 6]
        assert found.get(user, []) == wanted


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_number_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        SplitRecipe.model_validate({"target_rating": number})
