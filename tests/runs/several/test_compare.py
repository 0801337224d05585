"""compare: runs of one data set in a table, by the ranks that they kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.evaluation.significance import holm, paired_test
from nextitem.recipe import Layer, make_recipe
from nextitem.report.comparison import csv, latex, markdown, sentences
from nextitem.report.comparison_page import html
from nextitem.runs.learning.run import run

SMALL: Layer = {"training": {"epochs": 2, "batch_size": 64}, "model": {"dim": 8}}
USERS, ITEMS = 60, 30


def trained(place: Path, name: str, *layers: Layer, log: str = "log.csv") -> None:
    of: Layer = {"data": {"source": str(place / log)}, "evaluation": {"baselines": ["Popularity"]}}
    list(run(make_recipe(*layers, of), place / name))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """Three seeds of BPR in a folder, one of a wider BPR, MarkovChain; and others of another split and protocol."""
    place = tmp_path_factory.mktemp("compare")
    log = random_log(USERS, ITEMS, 4, 12)
    (place / "log.csv").write_text(log)
    (place / "less.csv").write_text("".join(log.splitlines(keepends=True)[:-1]))
    for seed in range(3):
        trained(place, f"seeds/{seed}", SMALL, {"model": {"name": "BPR"}, "seed": seed})
    trained(place, "wide", SMALL, {"model": {"name": "BPR", "dim": 16}})
    trained(place, "chain", {"model": {"name": "MarkovChain"}})
    trained(place, "longer", {"model": {"name": "MarkovChain"}, "split": {"min_length": 5}})
    trained(place, "sampled", {"model": {"name": "MarkovChain"}, "evaluation": {"candidates": 10, "metrics": ["hr@5"]}})
    trained(place, "less", {"model": {"name": "MarkovChain"}}, log="less.csv")
    return place


def test_seeds_are_one_model_and_names_tell_what_differs(home: Path) -> None:
    found = ni.compare([home / "seeds", home / "wide", home / "chain"])
    assert [one.name for one in found.models] == ["BPR (dim 8)", "BPR (dim 16)", "MarkovChain"]
    assert [line.seeds for line in found.of("ndcg@10")] == [3, 1, 1]
    assert found.models[1].differs == ("model.dim: 16, not 8",)
    assert found.metrics == ("ndcg@10", "hr@10")


def test_the_figures_are_those_of_the_reports(home: Path) -> None:
    found = ni.compare([home / "chain", home / "wide", home / "seeds"], baselines=True)
    reports = [json.loads((home / "seeds" / str(seed) / "report.json").read_text())["test"] for seed in range(3)]
    chain, wide, seeds, popularity = found.of("hr@10")
    assert seeds.mean == pytest.approx(np.mean([one["hr@10"] for one in reports]))
    assert seeds.spread == pytest.approx(np.std([one["hr@10"] for one in reports], ddof=1))
    assert popularity.mean == pytest.approx(
        json.loads((home / "chain" / "report.json").read_text())["baselines"]["Popularity"]["hr@10"]
    )
    values = [one.values("hr@10").mean(0) for one in found.models]
    tests = [paired_test(one, values[0]) for one in values[1:]]
    corrected = holm(np.array([one.p_value for one in tests]))
    for line, test, p in zip((wide, seeds, popularity), tests, corrected, strict=True):
        assert line.gap is not None
        assert line.gap.found == test
        assert line.gap.corrected == pytest.approx(p)
    assert chain.gap is None


def test_any_metric_at_any_k_and_validation_cases(home: Path) -> None:
    found = ni.compare([home / "chain", home / "wide"], metrics=["mrr@17", "hr@3"], part="valid", against="BPR")
    assert found.reference == "BPR"
    assert list(found.frame["metric"].unique(maintain_order=True)) == ["mrr@17", "hr@3"]
    log = json.loads((home / "chain" / "report.json").read_text())
    whole = ni.compare([home / "chain"], metrics=["ndcg@10"], part="valid")
    assert whole.lines[0].mean == pytest.approx(log["valid"]["ndcg@10"])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("less", "other data than .*interactions"),
        ("longer", "another split than .*split.min_length: 5, not 3"),
        ("sampled", "another protocol than .*evaluation.candidates: 10, not None"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_what_differs(home: Path, other: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ni.compare([home / "chain", home / other])


def test_wrong_questions_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run folder"):
        ni.compare([tmp_path])
    with pytest.raises(InputError, match="means more than one"):
        ni.compare([home / "seeds", home / "wide"], against="BPR")
    with pytest.raises(InputError, match="is none of the models"):
        ni.compare([home / "seeds"], against="GRU4Rec")
    with pytest.raises(InputError, match='no test "anova"'):
        ni.compare([home / "seeds"], test="anova")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="list of run folders"):
        ni.compare(str(home / "seeds"))
    with pytest.raises(InputError, match="hr@31"):
        ni.compare([home / "chain"], metrics=["hr@31"])
    with pytest.raises(InputError, match="test cases alone"):
        ni.compare([home / "chain"], part="valid", baselines=True)


def test_a_random_split_wants_the_same_seeds(home: Path, tmp_path: Path) -> None:
    split: Layer = {"split": {"kind": "user_entry", "valid": 0.2, "test": 0.2}}
    of: Layer = {"data": {"source": str(home / "log.csv")}, "evaluation": {"baselines": ["Popularity"]}}
    for name, seed in (("MarkovChain", 0), ("MarkovChain", 1), ("EASE", 0), ("EASE", 1)):
        list(run(make_recipe(split, of, {"model": {"name": name}, "seed": seed}), tmp_path / f"{name}{seed}"))
    folders = [tmp_path / name for name in ("MarkovChain0", "MarkovChain1", "EASE0", "EASE1")]
    found = ni.compare(folders, baselines=True)
    assert [line.seeds for line in found.of("ndcg@10")] == [2, 2, 2]
    with pytest.raises(InputError, match=r"want the same seeds; found MarkovChain \[0, 1\]; EASE \[0\]"):
        ni.compare(folders[:3])


def test_the_forms(home: Path) -> None:
    found = ni.compare([home / "seeds", home / "wide", home / "chain"], baselines=True)
    assert len(markdown(found).split("| MarkovChain |")) == 3
    assert all(line in markdown(found) for line in sentences(found))
    table = latex(found)
    assert table.count(r"\\") == 5  # the head, and four models
    assert r"\textbf{" in table
    assert "NDCG@10" in table
    assert csv(found).splitlines()[0].startswith("model,metric,seeds,mean,low,high")
    assert found.frame.height == 8
    shown = ElementTree.fromstring(found._repr_html_())
    assert len(list(shown.iter("tr"))) == 9  # the head, and two metrics of four models
    assert all(one.attrib == {} for one in shown.iter())  # no colours: the page's own, light or dark


def test_the_page_asks_for_nothing_beyond_itself(home: Path) -> None:
    page = html(ni.compare([home / "seeds", home / "wide", home / "chain"]))
    assert not re.findall(r"(?:src|href)=|url\(|https?://(?!www\.w3\.org)", page)
    assert page.count("<figure>") == 4 + 6  # means, differences, curves, hits; three slices by item, three by length
    assert "ndcg@10 on the cases of the most popular items" in page
    assert "Validation ndcg@10 by epoch" in page


def test_the_command(home: Path, tmp_path: Path) -> None:
    def call(*arguments: object) -> str:
        result = CliRunner().invoke(app, ["compare", *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    told = call(home / "chain", home / "wide", home / "seeds")
    assert "MarkovChain" in told
    assert max(map(len, told.splitlines())) <= 80
    for name in ("c.md", "c.tex", "c.csv", "c.html"):
        assert f"written to {tmp_path / name}" in call(home / "chain", home / "wide", "--out", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    found = json.loads(call(home / "chain", home / "wide", "--json", "--metrics", "ndcg@5"))
    assert found["lines"][1]["gap"]["found"]["difference"] == pytest.approx(
        found["lines"][1]["mean"] - found["lines"][0]["mean"]
    )
    with pytest.raises(InputError, match=r"written as \.md"):
        call(home / "chain", home / "wide", "--out", tmp_path / "c.docx")
