"""Attributes as codes, bags and floats: each value keeps its row, and nothing known is 0."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nextitem.data.side.features import Features
from nextitem.errors import InputError

TABLE = pl.DataFrame(
    {
        "brand": ["b", None, "a", "b"],
        "genres": [["x", "y"], ["y", "y"], None, []],
        "price": [1.5, None, float("nan"), 3.5],
        "is_new": [True, False, None, True],
    }
)
FEATURES = Features.of(TABLE)


def test_categories_are_coded_in_the_order_of_their_values() -> None:
    brand = FEATURES.categories("brand")
    assert brand.codes.tolist() == [0, 2, 0, 1, 2]
    assert brand.values.ids([1, 2]) == ["a", "b"]


def test_booleans_are_categories() -> None:
    assert FEATURES.categories("is_new").codes.tolist() == [0, 2, 1, 0, 2]


def test_bags_hold_each_value_once() -> None:
    genres = FEATURES.bags("genres")
    assert (genres.codes.tolist(), genres.offsets.tolist()) == ([1, 2, 2], [0, 0, 2, 3, 3, 3])


def test_categories_are_bags_of_one_or_none() -> None:
    brand = FEATURES.bags("brand")
    assert (brand.codes.tolist(), brand.offsets.tolist()) == ([2, 1, 2], [0, 0, 1, 1, 2, 3])


def test_numbers_say_where_they_are_known() -> None:
    price = FEATURES.numbers("price")
    assert (price.values.tolist(), price.is_known.tolist()) == ([0, 1.5, 0, 0, 3.5], [False, True, False, False, True])


def test_standardised_numbers_have_mean_0_and_deviation_1_over_the_known() -> None:
    assert FEATURES.numbers("price").standardised.tolist() == [0, -1, 0, 0, 1]


def test_numbers_that_are_all_alike_standardise_to_0() -> None:
    assert Features.of(pl.DataFrame({"n": [7, 7]})).numbers("n").standardised.tolist() == [0, 0, 0]


def test_sizes_count_values_and_not_numbers() -> None:
    assert FEATURES.sizes == {"brand": 2, "genres": 2, "price": 0, "is_new": 2}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: FEATURES.categories("brnd"), 'no attribute "brnd"; did you mean "brand"'),
        (lambda: FEATURES.categories("genres"), "is of lists"),
        (lambda: FEATURES.bags("price"), "is of numbers"),
        (lambda: FEATURES.numbers("brand"), "is of categories"),
        (lambda: Features.of(pl.DataFrame({"s": [{"a": 1}]})), 'the attribute "s" is of Struct'),
    ],
)
def test_a_column_asked_for_as_what_it_is_not_is_an_error(ask: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask()  # type: ignore[operator]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), min_size=1, max_size=8))
def test_every_bag_is_the_set_of_its_list(rows: list[list[str]]) -> None:
    bags = Features.of(pl.DataFrame({"tags": rows}, schema={"tags": pl.List(pl.String)})).bags("tags")
    spans = zip(bags.offsets[1:-1], bags.offsets[2:], strict=True)
    assert [set(bags.values.ids(bags.codes[a:b])) for a, b in spans] == [set(row) for row in rows]


def test_codes_do_not_depend_on_the_order_of_rows() -> None:
    turned = Features.of(TABLE.reverse())
    assert np.array_equal(turned.categories("brand").codes[1:], FEATURES.categories("brand").codes[:0:-1])
