"""Where: the rows that a condition leaves, the same on every frame and engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from nextitem.data.log.conditions import MOST
from nextitem.data.log.frames import collected
from nextitem.data.log.where import Where
from nextitem.errors import InputError

TABLE = pl.DataFrame(
    {
        "n": range(6),
        "kind": ["like", "view", None, "like", "buy", "Like"],
        "played": [10.0, None, 50.5, float("nan"), 80.0, -1.0],
        "count": ["1", " 20", None, "3", "-4", "007"],
        "share": ["0.5", "1e2", "3", None, "5", "6"],
        "is_new": [True, False, None, True, False, True],
        "flag": ["true", "False", None, "TRUE", "false", "true"],
        "small": pl.Series([0.1, 0.2, 0.3, None, 0.5, 0.1], dtype=pl.Float32),
    }
)


def of_duckdb(table: pl.DataFrame) -> Any:
    duckdb = pytest.importorskip("duckdb")
    return duckdb.connect().from_arrow(table.to_arrow())


def of_pandas(table: pl.DataFrame) -> Any:
    pytest.importorskip("pandas")
    return table.to_pandas()


FRAMES: list[Callable[[pl.DataFrame], Any]] = [pl.DataFrame.clone, pl.DataFrame.lazy, pl.DataFrame.to_arrow, of_duckdb]
frames = pytest.mark.parametrize("make", FRAMES, ids=["polars", "lazy", "pyarrow", "duckdb"])


def left(text: str, frame: Any) -> list[int]:
    table = nw.from_native(frame)
    names = table.collect_schema().names()
    found, _ = Where(text).rows(table, {name: name for name in names}, "log.csv")
    return sorted(collected(found.select("n"))["n"].to_list())


@frames
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("kind == 'like'", [0, 3]),
        ("kind != 'like'", [1, 4, 5]),  # what is missing is neither
        ("not kind == 'like'", [1, 4, 5]),
        ("kind is null", [2]),
        ("kind is not null and not kind in ('like', 'Like')", [1, 4]),
        ("kind not in ('like', 'view')", [4, 5]),
        ("kind >= 'l'", [0, 3, 1]),
        ("played >= 10", [0, 2, 4]),  # NaN is missing, not large
        ("played is null", [1, 3]),
        ("played >= 10 or kind == 'like'", [0, 2, 3, 4]),
        ("50 <= played", [2, 4]),
        ("count > 2", [1, 3, 5]),  # text that is numbers
        ("count == 7", [5]),
        ("count in (1, 20.0, -4)", [0, 1, 4]),
        ("share >= 5", [1, 4, 5]),
        ("share < count", [0, 5]),  # 0.5 < 1, 6 < 7
        ("n in (1, 2, 9)", [1, 2]),
        ("n != played", [0, 2, 4, 5]),
        ("is_new == true", [0, 3, 5]),
        ("not is_new == true", [1, 4]),
        ("is_new != false and n > 0", [3, 5]),
        ("flag == false", [1, 4]),
        ("small > 0.1", [0, 1, 2, 4, 5]),  # 0.1 in 32 bits is a little more
        ("(kind == 'buy' or kind == 'view') and n < 4", [1]),
    ],
)
def test_the_rows_that_count(text: str, rows: list[int], make: Callable[[pl.DataFrame], Any]) -> None:
    assert left(text, make(TABLE)) == sorted(rows)


def test_pandas_has_the_same_rows() -> None:
    for text in ("kind == 'like'", "played is null", "played >= 10 or kind == 'like'", "kind not in ('like', 'view')"):
        assert left(text, of_pandas(TABLE.select("n", "kind", "played"))) == left(text, TABLE)


@frames
@pytest.mark.parametrize(
    ("text", "what", "mark"),
    [
        ("knd == 'like'", 'there is no column "knd"; did you mean "kind"?', 0),
        ("n > 1 and playd > 3", 'there is no column "playd"; did you mean "played"?', 10),
        ("kind > 3", "\"kind\" is compared with a number and holds 'like'; write the value in quotes", 0),
        ("n == 'x'", '"n" holds numbers; compare it with one, found text', 0),
        ("is_new == 1", '"is_new" holds true and false; write == true or == false', 0),
        ("n == true", '"n" holds numbers; compare it with one, found true or false', 0),
        ("is_new > true", "nothing is > true; write == true or == false", 9),
        ("1 == 1", "a value is compared with a value; name a column", 0),
        ("kind == true", "\"kind\" is compared with true or false and holds 'like'", 0),
    ],
)
def test_what_a_column_cannot_be_asked(text: str, what: str, mark: int, make: Callable[[pl.DataFrame], Any]) -> None:
    with pytest.raises(InputError) as raised:
        left(text, make(TABLE))
    assert what in str(raised.value)
    assert str(raised.value).endswith(f"\n  {text}\n  {' ' * mark}^")


@frames
def test_the_longest_condition_is_answered(make: Callable[[pl.DataFrame], Any]) -> None:
    assert left(" or ".join(f"n == {place}" for place in range(5, 5 + MOST)), make(TABLE)) == [5]
    assert left(f"n in ({', '.join(str(place) for place in range(5, 5000))})", make(TABLE)) == [5]


def test_dates_have_keys_of_their_own() -> None:
    table = pl.DataFrame({"n": [1], "day": ["2024-01-01"]}).with_columns(pl.col("day").str.to_date())
    with pytest.raises(InputError, match=r"holds dates; data\.after and data\.before are for these"):
        left("day >= '2024-01-01'", table)


def test_how_many_rows_count_is_said() -> None:
    _, said = Where("n < 2").rows(nw.from_native(TABLE), {"n": "n"}, "log.csv")
    assert said == "2 of 6 rows of log.csv count (data.where): n < 2"


def test_where_nothing_is_left_the_values_are_named() -> None:
    with pytest.raises(InputError) as raised:
        left("kind == 'likes' and n < 5", TABLE)
    assert str(raised.value) == (
        "data.where leaves nothing of 6 rows of log.csv: kind == 'likes' and n < 5; "
        "\"kind\" holds 'like', 'Like', 'buy', 'view'"
    )
