"""What the data doctor says of a graph, by hand; and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from nextitem.cli.main import app
from nextitem.data.dataset import Dataset
from nextitem.data.log.interactions import Interactions
from nextitem.data.side.triples import Triples, knowledge_graph
from nextitem.diagnosis.graphs import GraphMeasures, graph_findings, measure_graph

MET = [("u", "a"), ("u", "b"), ("v", "a"), ("w", "a"), ("w", "c")]


def log_of(met: list[tuple[str, str]] = MET) -> Dataset:
    frame = pl.DataFrame(met, schema=["user", "item"], orient="row")
    return Dataset.from_interactions(Interactions.from_frame(frame, timestamp=None))


def graph_of(data: Dataset, edges: list[tuple[str, str, str]]) -> Triples:
    frame = pl.DataFrame(edges, schema=["head", "relation", "tail"], orient="row")
    return knowledge_graph(frame, None, data.items)[0]


def test_a_graph_by_hand() -> None:
    """a, b and p hang together, and so do q and r; s is a loop by itself; a and p are joined twice."""
    edges = [("a", "by", "p"), ("b", "by", "p"), ("a", "of", "p"), ("q", "in", "r"), ("s", "by", "s")]
    assert measure_graph(graph_of(log_of(), edges)) == GraphMeasures(
        triples=5,
        entities=6,
        relations={"by": 3, "in": 1, "of": 1},
        items=3,
        items_linked=2,
        degrees=(1.0, 1.0, 1.0, 1.75, 3.0),
        components=3,
        largest=3,
        self_loops=1,
        repeats=0,
        parallel=1,
    )


@pytest.mark.parametrize(
    ("edges", "about"),
    [
        ([("a", "of", "u"), ("b", "of", "u"), ("c", "of", "w")], ["the graph holds interactions"]),
        ([("u", "of", "a"), ("x", "of", "a")], []),  # half is not more than half
        ([("b", "of", "v"), ("c", "of", "v")], ["users in the graph"]),
        ([(item, "of", f"m.{user}") for user, item in MET], ["the graph holds interactions"]),
        ([("a", "by", "p"), ("b", "by", "p")], []),
    ],
)
def test_relations_that_hold_the_log(edges: list[tuple[str, str, str]], about: list[str]) -> None:
    data = log_of()
    assert [one.about for one in graph_findings(graph_of(data, edges), data)] == about


def test_numbers_that_coincide_are_no_users() -> None:
    data = log_of([("1", "10"), ("2", "11"), ("3", "12")])
    graph = graph_of(data, [("10", "0", "2"), ("11", "0", "3")])
    assert graph_findings(graph, data) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\n" + "".join(f"{u}\t{i}\n" for u, i in MET))
    (tmp_path / "x.kg").write_text("head_id:token\trelation_id:token\ttail_id:token\na\tby\tp\na\tby\tp\nb\tof\tu\n")
    return tmp_path


def called(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


def test_describe_tells_of_the_graph_beside_and_of_a_named_one(folder: Path) -> None:
    code, out = called("describe", str(folder), "--json")
    found = json.loads(out)
    assert (code, found["knowledge"]["relations"], found["knowledge"]["items_linked"]) == (0, {"by": 1, "of": 1}, 2)
    assert found["notes"][1:] == [
        "1 of 3 triples repeat another exactly and are dropped",
        "there are no links: 2 of 3 items are the entities that have their ids",
    ]
    assert "the graph holds interactions" in [one["about"] for one in found["findings"]]
    (folder / "own.csv").write_text("head,relation,tail\nc,by,p\n")
    _, out = called("describe", str(folder), "--knowledge", str(folder / "own.csv"), "--json")
    assert json.loads(out)["knowledge"]["triples"] == 1
    assert json.loads(called("describe", "synthetic", "--json")[1])["knowledge"] is None


def test_a_graph_beside_that_does_not_fit_is_told_of_and_a_named_one_refused(folder: Path) -> None:
    (folder / "x.kg").write_text("head_id:token\trelation_id:token\ttail_id:token\nm.a\tby\tp\n")
    code, out = called("describe", str(folder), "--json")
    assert (code, json.loads(out)["knowledge"]) == (0, None)
    assert json.loads(out)["notes"][1].startswith("the graph beside it is left out: a knowledge graph needs links")
    assert called("describe", str(folder), "--knowledge", str(folder / "x.kg"))[0] != 0
    assert called("check", str(folder))[0] == 2


def test_check_takes_a_folder_of_kgat_whole(tmp_path: Path) -> None:
    files = {"train": "0 0 1\n1 1 2\n", "test": "0 2\n1 0\n", "kg_final": "0 0 3\n1 0 3\n"}
    for name, text in files.items():
        (tmp_path / f"{name}.txt").write_text(text)
    code, out = called("check", str(tmp_path))
    assert code == 0
    assert all(words in out for words in ("train.txt: good", "test.txt: good", "kg_final.txt: good", "2 of 3 items"))
    (tmp_path / "test.txt").write_text("0 \n")
    assert called("check", str(tmp_path))[0] == 2


def test_check_tells_of_the_graph(folder: Path) -> None:
    code, out = called("check", str(folder))
    assert code == 0
    assert "2 between 4 entities" in out
    assert "serious: the graph holds interactions" in out
