"""Engines: polars, DuckDB and Spark give the same prepared folder, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from nextitem.data.log import filters
from nextitem.data.log.frames import collected
from nextitem.data.log.interactions import Interactions
from nextitem.data.prepare import Rules, prepare
from nextitem.data.sources.formats.reading import read
from nextitem.data.sources.formats.roles import Roles
from nextitem.data.sources.opening import open_data
from nextitem.data.sources.scanning import Engine, scan
from nextitem.errors import InputError
from nextitem.recipe import DataRecipe
from nextitem.recipe.preparing import build_dataset

HARD = Rules(min_rating=2, duplicates="last", min_length=2, max_length=60, user_core=3, item_core=3)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "spark":
        request.getfixturevalue("spark")
    else:
        pytest.importorskip("duckdb")
    name: Engine = request.param
    return name


every_engine = pytest.mark.parametrize("engine", ["duckdb", "spark"], indirect=True)
# Spark takes its seconds; one test of it runs always, the others where there is time.
engines = pytest.mark.parametrize("engine", ["duckdb", pytest.param("spark", marks=pytest.mark.slow)], indirect=True)
# py4j leaves sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def small_log(num_rows: int = 400) -> pl.DataFrame:
    """Repeats, ties, and ids that sort differently as text and as number."""
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "user": rng.integers(0, 25, num_rows),
            "item": [f"i{one}é" for one in (30 * rng.random(num_rows) ** 2).astype(int)],
            "timestamp": rng.integers(0, 40, num_rows),
            "rating": rng.integers(1, 6, num_rows).astype(float),
        }
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


def assert_same_folders(paths: list[Path], format: str, engine: Engine, rules: Rules, tmp_path: Path) -> None:
    for path in paths:
        prepare(scan(path, format, Roles(), engine=engine), rules).save(tmp_path / "there")
        prepare(scan(path, format, Roles()), rules).save(tmp_path / "here")
        prepare(read(path), rules).save(tmp_path / "read")
        assert files_of(tmp_path / "there") == files_of(tmp_path / "here") == files_of(tmp_path / "read")


@engines
def test_prepared_folders_are_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    small_log().write_parquet(tmp_path / "log.parquet", row_group_size=64)
    small_log().write_csv(tmp_path / "log.csv")
    assert_same_folders([tmp_path / "log.parquet", tmp_path / "log.csv"], "table", engine, HARD, tmp_path)


@engines
def test_a_graph_beside_the_log_is_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    small_log().write_parquet(tmp_path / "log.parquet")
    items = small_log()["item"].unique().sort()
    tags = [["even" if len(one) % 2 else "odd", one[1]] for one in items]
    pl.DataFrame({"item": items, "tags": tags}).write_parquet(tmp_path / "items.parquet")
    edges = {"head": [*items, "x"], "relation": ["of"] * len(items) + ["by"], "tail": [*items[1:], "x", "y"]}
    pl.DataFrame(edges).write_csv(tmp_path / "graph.csv")
    names: tuple[Engine, ...] = (engine, "polars")
    for knowledge in ("attributes", str(tmp_path / "graph.csv")):
        for one in names:
            recipe = DataRecipe(
                source=str(tmp_path / "log.parquet"), engine=one, user_core=3, item_core=3, min_rating=2,
                item_table=str(tmp_path / "items.parquet"), knowledge=knowledge, knowledge_min_degree=2,
            )  # fmt: skip
            build_dataset(recipe)[0].save(tmp_path / one)
        found = files_of(tmp_path / engine)
        assert "knowledge.parquet" in found
        assert found == files_of(tmp_path / "polars")


@engines
def test_rows_that_count_are_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    kinds = pl.Series("kind", ["like", "view", None] * 134)[:400]
    log = small_log().with_columns(kinds, played=pl.when(pl.col("timestamp") % 5 > 0).then(pl.col("rating") * 10.5))
    log.write_parquet(tmp_path / "log.parquet", row_group_size=64)
    log.write_csv(tmp_path / "log.csv")
    where = "not kind in ('view', 'x') and (played >= 21 or played is null) and rating > 1"
    folders = []
    for name in ("log.parquet", "log.csv"):
        for one in ("polars", engine):
            recipe = DataRecipe(source=str(tmp_path / name), engine=one, user_core=2, where=where)
            dataset, _ = build_dataset(recipe)
            assert dataset.notes == (f"108 of 400 rows of {name} count (data.where): {where}",)
            dataset.save(tmp_path / f"{name}-{one}")
            folders.append(files_of(tmp_path / f"{name}-{one}"))
    assert folders[0] == folders[1]
    assert folders[2] == folders[3]


@engines
def test_users_that_are_joined_are_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    """Of numbers and of text with colons and backslashes."""
    parts = pl.Series("part", ["a:b", "a\\", ":", "a", "$1"] * 80)
    log = small_log().with_columns(parts)
    log.write_parquet(tmp_path / "log.parquet", row_group_size=64)
    log.write_csv(tmp_path / "log.csv")
    for name in ("log.parquet", "log.csv"):
        for one in ("polars", engine):
            recipe = DataRecipe(source=str(tmp_path / name), engine=one, user="user,part", user_core=2)
            build_dataset(recipe)[0].save(tmp_path / f"{name}-{one}")
        assert files_of(tmp_path / f"{name}-polars") == files_of(tmp_path / f"{name}-{engine}")


@engines
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_many_files_are_the_same_bytes(engine: Engine, ending: str, tmp_path: Path) -> None:
    """With ties over files, ids that are numbers in one of them alone, and a file of which no row counts."""
    for number in (1, 2, 10, 11):
        log = small_log().slice(100 * (number % 4), 100).with_columns(shard=pl.lit(number))
        log = log.with_columns(pl.col("user").cast(pl.String)) if number == 2 else log
        path = tmp_path / f"week_{number}.{ending}"
        log.write_parquet(path) if ending == "parquet" else log.write_csv(path)
    found = []
    for one in ("polars", engine):
        recipe = DataRecipe(source=f"{tmp_path}/week_*", engine=one, where="shard != 11", user_core=2, item_core=3)
        dataset, _ = build_dataset(recipe)
        assert "300 of 400 rows of week_1" in dataset.notes[1]
        dataset.save(tmp_path / one)
        found.append(files_of(tmp_path / one))
    assert found[0] == found[1]


@engines
def test_every_filter_leaves_the_same_rows(engine: Engine, tmp_path: Path) -> None:
    small_log().write_parquet(tmp_path / "log.parquet")

    def rows(log: Interactions) -> list[tuple[object, ...]]:
        return collected(log.frame.sort("row").select("user", "item", nw.col("timestamp"))).rows()

    there = scan(tmp_path / "log.parquet", "table", Roles(), engine=engine)
    here = Interactions.from_frame(small_log(), rating="rating")
    for rule in (
        lambda log: filters.min_rating(log, 3),
        lambda log: filters.between(log, 5, 30),
        lambda log: filters.drop_duplicates(log, "first"),
        lambda log: filters.lengths(log, 14, 20),
        lambda log: filters.k_core(log, 12, 12, "once"),
    ):
        assert rows(rule(there)) == rows(rule(here))


@engines
def test_what_is_missing_is_told_alike(engine: Engine, tmp_path: Path) -> None:
    frame = small_log().with_columns(user=pl.when(pl.col("user") == 7).then(None).otherwise("user"))
    frame.write_parquet(tmp_path / "log.parquet")
    told = set()
    for one in ("polars", engine):
        with pytest.raises(InputError) as raised:
            scan(tmp_path / "log.parquet", "table", Roles(), engine=one)
        told.add(str(raised.value))
    assert len(told) == 1


@every_engine
def test_a_frame_of_the_engine_is_taken_as_it_is(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With a column that says the order, since a table of an engine may have none."""
    log = small_log().with_row_index("seq")
    log.sample(fraction=1, shuffle=True, seed=1).write_parquet(tmp_path / "log.parquet")
    if engine == "duckdb":
        import duckdb

        frame: Any = duckdb.read_parquet(str(tmp_path / "log.parquet"))
    else:
        frame = request.getfixturevalue("spark").read.parquet(str(tmp_path / "log.parquet"))
    prepare(Interactions.from_frame(frame, row="seq", rating="rating"), HARD).save(tmp_path / "there")
    prepare(Interactions.from_frame(log, rating="rating"), HARD).save(tmp_path / "here")
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


@pytest.mark.slow
@engines
@pytest.mark.parametrize("name", ["ml-100k", "amazon-beauty", "ml-1m"])
def test_real_logs_are_prepared_to_the_same_bytes(engine: Engine, name: str, tmp_path: Path, real_data: Path) -> None:
    files = {"ml-100k": "ml-100k.inter", "amazon-beauty": "Beauty.txt.gz", "ml-1m": "ml-1m.txt.gz"}
    path, format = real_data / name / files[name], "atomic"
    if name != "ml-100k":  # no tables: written as one
        path, format, log = tmp_path / "log.parquet", "table", read(path)
        collected(log.frame.select("user", "item")).to_native().write_parquet(path)
    assert_same_folders([path], format, engine, Rules(user_core=6, item_core=8), tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("u,,5,1", "line 4: the item is empty"),
        ('u,"",5,1', "line 4: the item is empty"),
        ("u,i,soon,1", "line 4: timestamp must be a number of seconds, found 'soon'"),
        ("u,i,5,1,9", "line 4: 4 fields are needed, as in the first line, found 5"),
    ],
)
def test_a_fault_in_a_scanned_text_is_named_by_its_line(
    line: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", 1)
    (tmp_path / "log.csv").write_text(f"user,item,timestamp,rating\nu,i,1,1\nu,j,2,1\n{line}\nu,k,3,1\n")
    with pytest.raises(InputError, match=words):
        open_data(str(tmp_path / "log.csv"))


def test_text_is_scanned_to_the_log_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tabs by their name, a blank line, a fraction of a second."""
    text = "user\titem\ttimestamp\nu1\ti\t2.5\n\nu1\tj\t2.25\nu0\ti\t1\n"
    (tmp_path / "log.tsv").write_text(text)
    read_whole, _ = open_data(str(tmp_path / "log.tsv"), separator="tab")
    monkeypatch.setattr("nextitem.data.sources.scanning.SCANNED_FROM", 1)
    scanned, said = open_data(str(tmp_path / "log.tsv"), separator="tab")
    assert said.endswith("on polars")
    assert isinstance(scanned, Interactions)
    assert isinstance(read_whole, Interactions)
    prepare(scanned, Rules()).save(tmp_path / "scanned")
    prepare(read_whole, Rules()).save(tmp_path / "read")
    assert files_of(tmp_path / "scanned") == files_of(tmp_path / "read")
