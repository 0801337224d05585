"""The page of a run: one file with its tables and figures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.report.near import titles_in
from nextitem.report.run_page import html
from nextitem.runs.asking.recommend import load
from nextitem.runs.learning.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    place = tmp_path_factory.mktemp("page")
    (place / "log.csv").write_text(random_log(50, 30, 4, 12, prefix="<i>"))
    layer = {"model": {"name": "BPR", "dim": 8}, "training": {"epochs": 3, "batch_size": 64}}
    list(run(make_recipe(layer, {"data": {"source": str(place / "log.csv")}}), place / "run"))
    return place / "run"


def test_it_holds_the_figures_and_asks_for_nothing(folder: Path) -> None:
    page = html(folder)
    assert page.count("<figure>") == 4  # loss, validation, hits, ranks
    assert "<h1>BPR on log.csv</h1>" in page
    assert "full ranking, seen items masked" in page
    assert "learning_rate" in page
    assert not re.findall(r"(?:src|href)=|url\(|https?://(?!www\.w3\.org)", page)


def test_the_shares_of_ranks_add_up(folder: Path) -> None:
    (told,) = re.findall(r"<desc>(rank 1 .*?)</desc>", html(folder))
    shares = [float(one.rsplit(" ", 1)[1]) for one in told.split("; ")]
    assert sum(shares) == pytest.approx(1, abs=1e-3)


def test_the_command_writes_it(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(folder), "--out", str(tmp_path / "run.html")], catch_exceptions=False)
    assert result.exit_code == 0
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert page == html(folder, run=load(folder))
    for wrong in ("--titles", "--audit"):
        with pytest.raises(InputError, match="are of the page"):
            CliRunner().invoke(app, ["show", str(folder), wrong, "x"], catch_exceptions=False)
    with pytest.raises(InputError, match=r"written as \.html"):
        CliRunner().invoke(app, ["show", str(folder), "--out", str(tmp_path / "x.pdf")], catch_exceptions=False)


def rows_of(page: str, title: str) -> list[list[str]]:
    table = page.partition(f"<h2>{title}</h2>")[2].partition("</tbody>")[0]
    return [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", table)[1:]]


def test_the_calibration_holds_the_places_of_validation_and_test(folder: Path) -> None:
    rows = rows_of(html(folder), "Calibration of ranks")
    ranks = pl.read_parquet(folder / "ranks.parquet").filter(pl.col("model") == "BPR")
    for column, part in ((1, "valid"), (2, "test")):
        first = ranks.filter(pl.col("part") == part).group_by("user").agg(pl.col("rank").min())["rank"]
        shares = [float(((first >= low) & (first < high + 1)).mean()) for low, high in ((1, 1), (2, 5), (6, 10))]  # type: ignore[arg-type]
        assert [float(row[column]) for row in rows[:3]] == pytest.approx(shares, abs=1e-4)
        assert sum(float(row[column]) for row in rows) == pytest.approx(1, abs=1e-3)
    assert [float(row[3]) for row in rows] == pytest.approx([float(row[2]) - float(row[1]) for row in rows], abs=2e-4)


def test_the_nearest_items_have_the_names_of_a_table(folder: Path, tmp_path: Path) -> None:
    run = load(folder)
    lines = [f"<i>{number}\tThe {number}th\t3" for number in range(20)]
    (tmp_path / "items.tsv").write_text("\n".join(["id\tmovie_title\tprice", *lines]) + "\n")
    page = html(folder, run=run, titles=tmp_path / "items.tsv").partition("<h2>Nearest items</h2>")[2]
    rows = re.findall("<li><strong>(.*?)</strong>: (.*?)</li>", page)
    assert len(rows) == 6
    most = int(np.argmax(run.popularity[1:])) + 1
    (item,) = run.items.ids(np.array([most]))
    titles = titles_in(tmp_path / "items.tsv")
    assert titles["<i>7"] == "The 7th"
    found = run.similar(item, 5)
    told = "; ".join(
        f"{titles.get(str(one), str(one))} ({value:.2f})"
        for one, value in zip(found.items, found.similarities, strict=True)
    )
    assert rows[0] == (escape(titles.get(str(item), str(item))), escape(told))
    (tmp_path / "bare.tsv").write_text("id\tprice\n1\t2\n")
    with pytest.raises(InputError, match=r"no column of titles .* it has price"):
        titles_in(tmp_path / "bare.tsv")


def test_an_audit_of_the_same_data_stands_on_it(folder: Path, tmp_path: Path) -> None:
    estimate = {"value": 0.2, "low": 0.1, "high": 0.3}
    parts = ("gain", "order_information", "recency_information", "last_item_share")
    found = {
        "data": json.loads((folder / "report.json").read_text())["data"], "protocol": "full", "main": "ndcg@10",
        "recipe": {"model": {"name": "SASRec"}},
        "verdict": {"name": "weakly ordered", "sureness": 0.9} | dict.fromkeys(parts, estimate),
    }  # fmt: skip
    (tmp_path / "audit.json").write_text(json.dumps(found))
    page = html(folder, audit=tmp_path)
    assert "Verdict: weakly ordered, of which 90% of bootstrap samples are sure." in page
    assert "SASRec gains 0.200 (0.100 to 0.300) ndcg@10 over Popularity; of that, 0.200" in page
    (tmp_path / "audit.json").write_text(json.dumps(found | {"data": found["data"] | {"items": 7}}))
    with pytest.raises(InputError, match="other data than the run's: it has 7 items"):
        html(folder, audit=tmp_path)
    (tmp_path / "audit.json").write_text("{}")
    with pytest.raises(InputError, match=r"audit\.json"):
        html(folder, audit=tmp_path)
