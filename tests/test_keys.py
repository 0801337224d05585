"""Keys by signature: what a maker's arguments say of names, types, ranges and defaults."""

from __future__ import annotations

import pytest

from nextitem.errors import InputError
from nextitem.keys import OpenShare, Positive, check_keys, defaults_of, keys_of


def made(rows: list[int], num_items: int, *, dim: Positive = 8, dropout: OpenShare = 0.5, name: str) -> None:
    """Something that a recipe can make."""


KEYS = keys_of(made, ("rows", "num_items"))


def test_what_the_caller_knows_is_no_key() -> None:
    assert list(KEYS) == ["dim", "dropout", "name"]


def test_keyword_only_arguments_may_be_all_there_is() -> None:
    assert list(keys_of(made, keyword_only=True)) == ["dim", "dropout", "name"]


def test_a_required_key_has_no_default() -> None:
    assert defaults_of(KEYS) == {"dim": 8, "dropout": 0.5}


def test_given_values_are_turned_to_their_types_and_others_take_the_default() -> None:
    assert check_keys("model", "it", KEYS, {"dim": "4", "name": "x"}) == {"dim": 4, "dropout": 0.5, "name": "x"}


def test_a_required_key_that_nobody_gives_is_an_error() -> None:
    with pytest.raises(InputError, match=r"model\.name: it needs a value for it"):
        check_keys("model", "it", KEYS, {})


@pytest.mark.parametrize(("key", "value"), [("dim", 0), ("dropout", 1.0), ("dim", "many")])
def test_a_value_out_of_range_is_an_error_that_shows_it(key: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"model\.{key}: .*found {value!r}"):
        check_keys("model", "it", KEYS, {"name": "x", key: value})


def test_an_unknown_key_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r'model\.dimm: it has no key "dimm", found 3; did you mean "dim"'):
        check_keys("model", "it", KEYS, {"name": "x", "dimm": 3})
