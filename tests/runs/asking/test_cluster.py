"""Cluster: what Spark gives for the users of a frame is what the command writes here."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.runs.asking.everyone import write_chunks

# py4j leaves sockets to the garbage collector; Spark warns of every pandas that it was not made with.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore:PySpark does not:FutureWarning",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    place = tmp_path_factory.mktemp("cluster")
    (place / "log.csv").write_text(random_log(90, 40, 3, 21, gap=100))
    for model in ("SASRec", "MarkovChain"):
        more = ["--model.dim", "8", "--training.epochs", "1"] if model == "SASRec" else []
        out = str(place / model)
        command = ["run", str(place / "log.csv"), "-m", model, "--out", out, "--mode", "light", *more]
        CliRunner().invoke(app, command, catch_exceptions=False)
    return place


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Two workers, quiet and small."""
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("there is no java")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", False)
        session = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.mark.slow  # Spark takes its seconds
@pytest.mark.parametrize("model", ["SASRec", "MarkovChain"])
def test_two_workers_give_the_bytes_of_the_command(runs: Path, spark: Any, model: str, tmp_path: Path) -> None:
    run = ni.load(runs / model)
    asked = [*run.users.column.to_list()[::-1], "stranger"]
    frame = spark.createDataFrame([(one, 1) for one in asked], ["user", "of_no_use"]).repartitionByRange(4, "user")
    asked = [row["user"] for row in frame.collect()]
    (tmp_path / "users.txt").write_text("\n".join(asked))
    found = pl.from_arrow(ni.spark.recommend(run, frame, 7, exclude=["i3"], fallback="popularity").toArrow())
    assert isinstance(found, pl.DataFrame)
    (tmp_path / "out.txt").write_text("i3")
    for ending in (".parquet", ".csv", ".jsonl"):
        here, there = tmp_path / f"here{ending}", tmp_path / f"there{ending}"
        command = ["recommend", str(run.folder), "--for", str(tmp_path / "users.txt"), "--out", str(here)]
        CliRunner().invoke(app, [*command, "-k", "7", "--exclude", str(tmp_path / "out.txt")], catch_exceptions=False)
        write_chunks(iter([found]), there)
        assert here.read_bytes() == there.read_bytes()
    assert found["user"].n_unique() == len(asked)
    assert set(found.filter(pl.col("user") == "stranger")["from"]) == {"popularity"}


@pytest.mark.slow  # Spark takes its seconds
def test_frames_that_do_not_fit_are_refused(runs: Path, spark: Any) -> None:
    run = ni.load(runs / "MarkovChain")
    with pytest.raises(InputError, match=r"the run knows users by string, and the column user is bigint; cast it"):
        ni.spark.recommend(run, spark.createDataFrame([(1,)], ["user"]))
    with pytest.raises(InputError, match="must have a column user, found who"):
        ni.spark.recommend(run, spark.createDataFrame([("u1",)], ["who"]))
    with pytest.raises(InputError, match="k must lie between 1 and 40"):
        ni.spark.recommend(run, spark.createDataFrame([("u1",)], ["user"]), 41)


def test_what_is_no_spark_frame_is_told_where_to_go(runs: Path) -> None:
    pytest.importorskip("pyspark")
    with pytest.raises(InputError, match=r"must be a Spark frame .* found polars.* nextitem recommend --for FILE"):
        ni.spark.recommend(ni.load(runs / "MarkovChain"), pl.DataFrame({"user": ["u1"]}))


def test_a_missing_spark_is_named(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nextitem.runs.asking.cluster.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "nextitem\[spark\]"'):
        ni.spark.recommend(ni.load(runs / "MarkovChain"), pl.DataFrame({"user": ["u1"]}))
