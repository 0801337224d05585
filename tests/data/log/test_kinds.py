"""Kinds of events: a column of words read as the rating, by a number for each."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nextitem as ni
from nextitem.data.dataset import Dataset
from nextitem.data.log.kinds import kinds_of
from nextitem.data.sources import scanning
from nextitem.errors import InputError
from nextitem.recipe.preparing import build_dataset

ROWS = [(1, "a", "view", 1), (1, "b", "view", 2), (1, "b", "cart", 3), (1, "b", "buy", 4), (2, "a", "view", 1)]
LOG = pl.DataFrame(ROWS, ["user", "item", "event", "timestamp"], orient="row")
KINDS = {"view": 1, "cart": 3, "buy": 5}


def written(folder: Path, form: str, log: pl.DataFrame = LOG) -> Path:
    path = folder / f"log.{form}"
    if form == "csv":
        log.write_csv(path)
    elif form == "parquet":
        log.write_parquet(path)
    else:
        log.write_ndjson(path)
    return path


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_each_kind_is_its_number_in_every_form(tmp_path: Path, form: str) -> None:
    found = ni.read_dataset(written(tmp_path, form), kind="event", kinds=KINDS)
    assert found.sequences.ratings is not None
    assert found.sequences.ratings.tolist() == [1, 1, 3, 5, 1]
    assert found.notes[0] == "kinds of events, and what each counts as: view=1 (3 rows), cart=3 (1 row), buy=5 (1 row)"


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_engines_read_the_same(tmp_path: Path, engine: Any) -> None:
    pytest.importorskip({"duckdb": "duckdb", "spark": "pyspark"}[engine])
    path = written(tmp_path, "parquet")
    found = ni.read_dataset(path, kind="event", kinds="view=1,cart=2.5,buy=5", engine=engine)
    here = ni.read_dataset(path, kind="event", kinds="view=1,cart=2.5,buy=5")
    assert np.array_equal(found.sequences.ratings, here.sequences.ratings)  # type: ignore[arg-type]
    assert found.notes == here.notes
    with pytest.raises(InputError, match="row 3: a kind of event is one of view, cart, found 'buy'"):
        ni.read_dataset(path, kind="event", kinds={"view": 1, "cart": 3}, engine=engine)


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl", "frame"])
def test_codes_beside_missing_values_are_whole_numbers(tmp_path: Path, form: str) -> None:
    """pandas makes floats of whole numbers beside missing ones."""
    codes = {"view": 1.0, "cart": 2.0, "buy": None}
    coded = LOG.with_columns(event=pl.col("event").replace_strict(codes, return_dtype=pl.Float64))
    log: Any = coded.to_pandas() if form == "frame" else written(tmp_path, form, coded.with_columns())
    if form == "csv":
        coded.with_columns(pl.col("event").cast(pl.Int64)).write_csv(log)
    found = ni.read_dataset(log, kind="event", kinds={"1": 1, "2": 3}, bad_lines="skip")
    assert found.sequences.ratings.tolist() == [1, 1, 3, 1]  # type: ignore[union-attr]
    with pytest.raises(InputError, match="a kind of event is one of 1, 2, found ''"):
        ni.read_dataset(log, kind="event", kinds={"1": 1, "2": 3})
    halves = coded.with_columns(event=pl.col("event").fill_null(2.5))
    assert ni.read_dataset(halves, kind="event", kinds="1=1,2=3,2.5=5").sequences.ratings.tolist() == [1, 1, 3, 5, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_engines_read_codes_alike(tmp_path: Path, engine: Any) -> None:
    pytest.importorskip({"duckdb": "duckdb", "spark": "pyspark"}[engine])
    codes = {"view": 1.0, "cart": 2.0, "buy": 2.5}
    path = written(tmp_path, "parquet", LOG.with_columns(event=pl.col("event").replace_strict(codes)))
    found = ni.read_dataset(path, kind="event", kinds="1=1,2=3,2.5=5", engine=engine)
    assert found.sequences.ratings.tolist() == [1, 1, 3, 5, 1]  # type: ignore[union-attr]


def test_a_column_that_is_not_there_is_one_of_kinds() -> None:
    with pytest.raises(InputError, match='no column "evnt" for the kind; did you mean "event"'):
        ni.read_dataset(LOG, kind="evnt", kinds=KINDS)


def test_a_frame_and_codes_of_numbers() -> None:
    coded = LOG.with_columns(event=pl.col("event").replace_strict({"view": 0, "cart": 1, "buy": 2}))
    found = ni.read_dataset(coded.to_pandas(), kind="event", kinds={"0": 1, "1": 3, "2": 5})
    assert found.sequences.ratings.tolist() == [1, 1, 3, 5, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("form", "kinds", "said"),
    [
        ("csv", {"view": 1, "buy": 2}, "log.csv, line 4: a kind of event is one of view, buy, found 'cart'"),
        ("parquet", {"view": 1, "buy": 2}, "log.parquet, row 2: a kind of event is one of view, buy, found 'cart'"),
        ("csv", None, r"log.csv: nothing says what the kinds of events count; there are view \(3\), buy \(1\), cart"),
        ("csv", "view=1,view=2", 'each once with a number, found "view=2"'),
        ("csv", "view", 'each once with a number, found "view"'),
        ("csv", "view=nan", "each once with a number"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, form: str, kinds: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ni.read_dataset(written(tmp_path, form), kind="event", kinds=kinds)


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({"view": math.nan}, 'the kind of event "view" has a number up to 3e[+]38, found nan'),
        ({"view": "1"}, "found '1'; name one"),
        ({"view": True}, "found True; name one"),
        ({"view": None}, "found None; name one"),
        ("view=1e300", r"found 1e[+]300; name one"),
        ({" view": 1}, "text without white space around it, found ' view'"),
        ({1: 2}, "text without white space around it, found 1;"),
        (["view"], r"kinds are a mapping, or text such as .*, found \['view'\]"),
    ],
)
def test_kinds_without_a_word_or_a_number_are_refused(kinds: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ni.read_dataset(LOG, kind="event", kinds=kinds)


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_a_prepared_folder_keeps_the_words(tmp_path: Path, form: str) -> None:
    found = ni.read_dataset(written(tmp_path, form), kind="event", kinds={"view": np.float64(1), "cart": 3, "buy": 5})
    found.save(tmp_path / "ready")
    assert Dataset.load(tmp_path / "ready").kinds == found.kinds == KINDS
    assert '"kinds": {"view": 1.0, "cart": 3.0, "buy": 5.0}' in (tmp_path / "ready" / "dataset.json").read_text()
    ni.read_dataset(written(tmp_path, form), rating="none").save(tmp_path / "plain")
    assert "kinds" not in json.loads((tmp_path / "plain" / "dataset.json").read_text())
    (tmp_path / "plain" / "dataset.json").write_text('{"format": 2, "name": "x", "kinds": {"view": "many"}}')
    with pytest.raises(InputError, match=r"dataset\.json is damaged: the kind of event \"view\" has a number"):
        Dataset.load(tmp_path / "plain")


def test_a_large_text_that_is_scanned_keeps_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "SCANNED_FROM", 1)
    assert ni.read_dataset(written(tmp_path, "csv"), kind="event", kinds=KINDS).kinds == KINDS


def test_a_large_number_is_kept() -> None:
    found = ni.read_dataset(LOG, kind="event", kinds={"view": 1, "cart": np.float64(2), "buy": 1e30})
    assert found.sequences.ratings.tolist() == [1, 1, 2, float(np.float32(1e30)), 1]  # type: ignore[union-attr]


def test_none_is_no_column_of_kinds() -> None:
    with pytest.raises(InputError, match=r'data\.kind is the column .*, found "none"; leave it out'):
        ni.read_dataset(LOG, kind="none", kinds=KINDS)


def test_a_missing_kind_is_none(tmp_path: Path) -> None:
    log = LOG.with_columns(event=pl.when(pl.col("timestamp") == 3).then(None).otherwise(pl.col("event")))
    with pytest.raises(InputError, match="row 2: a kind of event is one of view, cart, buy, found ''"):
        ni.read_dataset(written(tmp_path, "parquet", log), kind="event", kinds=KINDS)


def test_unknown_kinds_are_left_out_where_asked_for(tmp_path: Path) -> None:
    found = ni.read_dataset(written(tmp_path, "csv"), kind="event", kinds={"view": 1, "cart": 3}, bad_lines="skip")
    assert found.num_interactions == 4
    assert any("1 kind that is not named" in one for one in found.notes)


def test_a_condition_leaves_kinds_out_before_they_are_read(tmp_path: Path) -> None:
    found = ni.read_dataset(
        written(tmp_path, "csv"), kind="event", kinds={"view": 1, "cart": 3}, where="event != 'buy'"
    )
    assert found.sequences.ratings.tolist() == [1, 1, 3, 1]  # type: ignore[union-attr]


def test_the_rating_is_one_thing(tmp_path: Path) -> None:
    path = written(tmp_path, "csv")
    with pytest.raises(InputError, match=r'found data.kind "event" and data.rating "stars"; name one'):
        ni.read_dataset(path, kind="event", kinds=KINDS, rating="stars")
    with pytest.raises(InputError, match="kinds have numbers and no column"):
        ni.read_dataset(path, kinds=KINDS)


def test_kinds_weigh_what_a_model_counts(tmp_path: Path) -> None:
    """Item b, bought once, outweighs a, seen twice, where a purchase counts five views."""
    path = written(tmp_path, "csv")
    data = {"source": str(path), "kind": "event", "kinds": "view=1,cart=3,buy=5", "weight": "rating"}
    dataset = build_dataset(ni.Recipe.model_validate({"data": data}).data)[0]
    sums = np.bincount(dataset.sequences.items, dataset.sequences.weights)
    assert sums.tolist() == [0, 2, 9]


@given(st.dictionaries(st.text("abc-_", min_size=1), st.floats(-9, 9).map(lambda x: round(x, 3)), min_size=1))
def test_kinds_are_told_in_text(kinds: dict[str, float]) -> None:
    assert kinds_of(",".join(f"{kind}={number}" for kind, number in kinds.items())) == kinds
