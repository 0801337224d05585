"""The page of a run: one file with its tables and figures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.report.run_page import html
from nextitem.runs.learning.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(0)
    rows = [rng.permutation(30)[: rng.integers(4, 12)] for _ in range(50)]
    lines = [f"u{user},<i>{item},{step}" for user, row in enumerate(rows) for step, item in enumerate(row)]
    (place / "log.csv").write_text("user,item,timestamp\n" + "\n".join(lines) + "\n")
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
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == html(folder)
    with pytest.raises(InputError, match=r"written as \.html"):
        CliRunner().invoke(app, ["show", str(folder), "--out", str(tmp_path / "x.pdf")], catch_exceptions=False)
