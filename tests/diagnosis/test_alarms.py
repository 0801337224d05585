"""What a run says of data that is probably another than was meant."""

from __future__ import annotations

import polars as pl
import pytest

import nextitem as ni
from nextitem.data.synthetic import markov_chain, shuffled
from nextitem.diagnosis import alarms as module
from nextitem.diagnosis.alarms import alarms

# 40 people come once each for an hour; 400 items are met all day long.
ROWS = [(f"u{user}", f"i{(user * 37 + step * 53) % 400}", user * 90_000 + step * 60) for user in range(40)
        for step in range(60)]  # fmt: skip


def log(**columns: pl.Expr) -> ni.Dataset:
    frame = pl.DataFrame(ROWS, schema=["user", "item", "timestamp"], orient="row")
    return ni.read_dataset(frame.with_columns(**columns))


def test_a_good_log_raises_none() -> None:
    assert alarms(log()) == ()
    assert alarms(markov_chain()) == ()
    assert alarms(shuffled(markov_chain())) == ()


@pytest.mark.parametrize(
    ("columns", "about", "way_out"),
    [
        ({"user": pl.col("item"), "item": pl.col("user")}, "user and item swapped", "--data.user COLUMN"),
        ({"timestamp": pl.lit(5)}, "all times equal", "--data.timestamp COLUMN"),
        ({"item": pl.int_range(pl.len()).cast(pl.String)}, "ids are row numbers", "--data.item COLUMN"),
    ],
)
def test_each_alarm_names_its_way_out(columns: dict[str, pl.Expr], about: str, way_out: str) -> None:
    found = [one for one in alarms(log(**columns)) if about in one]
    assert len(found) == 1
    assert way_out in found[0]


def test_double_logging_is_told_by_its_share() -> None:
    frame = pl.DataFrame(ROWS, schema=["user", "item", "timestamp"], orient="row")
    twice = pl.concat([frame, frame.head(len(frame) // 2)])
    assert any("the same event twice: 33.3%" in one for one in alarms(ni.read_dataset(twice)))
    few = pl.concat([frame, frame.head(3)])
    assert alarms(ni.read_dataset(few)) == ()


def test_only_the_first_of_large_data_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKED_AT", 100)
    assert any("all 100 interactions" in one for one in alarms(log(timestamp=pl.lit(5))))
