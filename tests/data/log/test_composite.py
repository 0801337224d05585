"""Users that are joined of several columns: no two of different values are one."""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from narwhals.typing import IntoFrame

from nextitem.data.log.composite import as_key, by_role, joined, parts_of
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.errors import InputError

VALUES = st.text(alphabet=":\\_a1,", min_size=1, max_size=5)
KINDS = ["polars", "lazy", "pandas", "arrow", "duckdb"]


def users(frame: IntoFrame, columns: list[str]) -> list[str]:
    log = Interactions.from_frame(frame, user=columns, timestamp=None)
    return collected(log.frame.select("user"))["user"].to_list()


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20))
def test_users_are_as_many_as_there_are_different_values(rows: list[tuple[str, str]]) -> None:
    frame = pl.DataFrame(rows, schema=["a", "b"], orient="row").with_columns(item=pl.lit("i"))
    assert len(set(users(frame, ["a", "b"]))) == len(set(rows))


def test_a_user_is_written_by_hand() -> None:
    frame = pl.DataFrame({"a": ["a_b", "a", "a:b", "a", "a\\"], "b": ["c", "b_c", "c", "b:c", ":c"], "item": 1})
    assert users(frame, ["a", "b"]) == ["a_b:c", "a:b_c", r"a\:b:c", r"a:b\:c", r"a\\:\:c"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_writes_the_same(kind: str) -> None:
    plain = pl.DataFrame(
        {
            "number": [17, -3, 2**40],
            "text": ["a:b", "ü\\", "$0"],
            "kind": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "item": [1, 2, 3],
        }
    )
    if kind == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        frame = duckdb.connect().from_arrow(plain.cast({"kind": pl.String}).to_arrow())
    elif kind == "arrow":
        frame = plain.cast({"kind": pl.String}).to_arrow()
    else:
        frame = {"polars": plain, "lazy": plain.lazy(), "pandas": plain.to_pandas()}[kind]
    assert users(frame, ["number", "text", "kind"]) == [r"17:a\:b:x", r"-3:ü\\:y", "1099511627776:$0:x"]


def test_a_value_that_is_missing_or_blank_leaves_no_user() -> None:
    frame = pl.DataFrame({"a": ["x", None, "y", " "], "b": ["1", "2", None, "3"]})
    made = nw.from_native(frame, eager_only=True).select(joined([nw.col("a"), nw.col("b")]).alias("user"))
    assert made["user"].to_list() == ["x:1", None, None, None]


def test_a_missing_part_is_refused_by_its_row() -> None:
    frame = pl.DataFrame({"a": ["x", "x"], "b": [1, None], "item": [1, 2]})
    with pytest.raises(InputError, match=r'column "a" or "b" has 1 missing .* the first in row 1'):
        users(frame, ["a", "b"])


@pytest.mark.parametrize("values", [[1.5, 2.0], [True, False]])
def test_a_part_is_an_integer_or_text(values: list[object]) -> None:
    frame = pl.DataFrame({"a": ["x", "y"], "b": values, "item": [1, 2]})
    with pytest.raises(InputError, match=r'"b" is a part of the user, integers or strings, found .*; cast the column'):
        users(frame, ["a", "b"])


def test_columns_that_there_are_not_are_refused() -> None:
    frame = pl.DataFrame({"user": ["x"], "visit": [1], "item": [1]})
    with pytest.raises(InputError, match=r'has no column "visitt" for the user; did you mean "visit"'):
        users(frame, ["user", "visitt"])
    with pytest.raises(InputError, match="the user is a column, or several; found none"):
        users(frame, [])


def test_one_role_has_one_expression() -> None:
    frame = nw.from_native(pl.DataFrame({"a": ["x"], "b": ["y"], "c": ["z"]}), eager_only=True)
    pairs = [("user", nw.col("a")), ("item", nw.col("c")), ("user", nw.col("b"))]
    assert frame.select(by_role(pairs)).to_dict(as_series=False) == {"user": ["x:y"], "item": ["z"]}


def test_which_columns_a_key_names() -> None:
    assert parts_of("a, b", ["a", "b"], "log") == ("a", "b")
    assert parts_of("a,b", ["a,b", "c"], "log") == ()
    assert parts_of("a,b", ["a", " b", "b"], "log") == ("a", "b")
    with pytest.raises(InputError, match=r'data\.user "a,b" is one column and 2 columns; rename the first'):
        parts_of("a,b", ["a,b", "a", "b"], "log")
    with pytest.raises(InputError, match='names a column twice, found "a,a"'):
        parts_of("a,a", ["a"], "log")


def test_a_list_with_a_comma_in_a_name_is_no_key() -> None:
    with pytest.raises(InputError, match=r'columns without a comma in their names, found "a,b"'):
        as_key(["a,b", "c"])
