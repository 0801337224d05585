"""Codes of data sets: FreeRec's and ours, and those that could be two things."""

from __future__ import annotations

from pathlib import Path

import pytest

from nextitem.data.splits.codes import parse_code
from nextitem.errors import InputError
from nextitem.recipe import make_data_recipe, make_recipe

LOU = {"kind": "leave_one_out", "min_length": 4}
ROU = {"kind": "user_entry", "order": "time", "rounding": "cumulative", "valid": 0.1, "test": 0.1}


@pytest.mark.parametrize(
    ("code", "cores", "split"),
    [
        ("Yelp2018_550_LOU", (5, 5, 0), LOU),
        ("Yelp2018_554_LOU", (5, 5, 4), LOU),
        ("Yelp2018_500_LOU", (5, 0, 0), LOU),
        ("Yelp2018_1000_LOU", (10, 0, 0), LOU),
        ("Yelp2018_10100_LOU", (10, 10, 0), LOU),
        ("Yelp2018_10100_ROU", (10, 10, 0), ROU),
        ("Yelp2018_10100811_ROU", (10, 10, 0), ROU),
        ("Yelp2018_550721_ROU", (5, 5, 0), ROU | {"valid": 0.2}),
        ("Yelp2018_10100_RAU", (10, 10, 0), ROU | {"rounding": "cumulative_one"}),
        ("Yelp2018_10100_ROD", (10, 10, 0), {"kind": "at_time", "valid": 0.1, "test": 0.1}),
        ("Yelp2018_10100_DOU", (10, 10, 0), {"kind": "late_users", "days": 1}),
        ("Yelp2018_10100_DOD", (10, 10, 0), {"kind": "at_time", "days": 1}),
        ("Yelp2018_1010014_DOD", (10, 10, 0), {"kind": "at_time", "days": 14}),
    ],
)
def test_codes_of_freerec(code: str, cores: tuple[int, int, int], split: dict[str, object]) -> None:
    found = parse_code(code)
    assert found is not None
    names = ("user_core", "item_core", "min_rating")
    assert found.data == {"source": "Yelp2018"} | {k: v for k, v in zip(names, cores, strict=True) if v}
    assert found.split == split


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Beauty_1550_LOU", "items 55, stars 0 or users 15, items 5, stars 0"),
        ("Beauty_509_LOU", "no core, core and stars"),
        ("Beauty_550_LOO", 'no split "LOO"; did you mean "LOU"'),
        ("Beauty:u5,u6", "each once"),
        ("Beauty:u5.5", "whole numbers"),
        ("Beauty:u5:leave_one_in", 'did you mean "leave_one_out"'),
    ],
)
def test_what_could_be_two_things_or_none_is_refused(code: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_code(code)


@pytest.mark.parametrize("name", ["ml-100k", "log.csv", "runs/x_1", "C:\\data\\log.csv", "log_2014_12"])
def test_a_name_is_no_code(name: str) -> None:
    assert parse_code(name) is None


def test_a_code_becomes_keys_of_the_recipe() -> None:
    recipe = make_recipe({"data": {"source": "Amazon2014Beauty_554_LOU"}})
    assert (recipe.data.source, recipe.data.user_core, recipe.data.item_core) == ("amazon-beauty", 5, 5)
    assert (recipe.data.min_rating, recipe.split.kind, recipe.split.min_length) == (4, "leave_one_out", 4)
    assert recipe == make_recipe(
        {"data": {"source": "amazon-beauty:u5,i5,r4:leave_one_out"}, "split": {"min_length": 4}}
    )


def test_a_key_beside_a_code_is_stronger() -> None:
    assert make_data_recipe({"data": {"source": "ml-1m:u5,i5", "item_core": 10}}).item_core == 10


def test_a_file_with_such_a_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Beauty_1550_LOU").write_text("1 2\n")
    assert make_data_recipe({"data": {"source": "Beauty_1550_LOU"}}).source == "Beauty_1550_LOU"
