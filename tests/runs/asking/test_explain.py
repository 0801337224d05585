"""explain: the paths to a recommendation, what they weigh, and how they are told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.runs.asking.explain import Reason, Step

LOG = {"ann": "abc", "bob": "bcd", "cat": "cda", "dan": "dab", "eve": "abd"}
GRAPH = ["a,by,x", "b,by,x", "c,by,y", "d,by,x", "d,like,c", "c,by,z", "d,by,z", "b,by,z"]


def as_entities(triple: str) -> str:
    """a,by,x -> ea,by,x: what links lead to; x, y and z are entities as they are."""
    return ",".join(f"e{one}" if one in "abcd" else one for one in triple.split(","))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explained")
    tables = {
        "log.csv": [
            "user,item,timestamp",
            *(f"{user},{item},{at}" for user in LOG for at, item in enumerate(LOG[user])),
        ],
        "graph.csv": ["head,relation,tail", *(as_entities(one) for one in GRAPH)],
        "links.csv": ["item,entity", *(f"{item},e{item}" for item in "abcd")],
        "items.csv": ["item,title", *(f"{item},The {item.upper()}" for item in "abcd")],
    }
    for name, lines in tables.items():
        (place / name).write_text("\n".join([*lines, ""]))
    data = {"source": "log.csv", "knowledge": "graph.csv", "links": "links.csv", "item_table": "items.csv"}
    recipe = ni.make_recipe({
        "data": {key: str(place / name) for key, name in data.items()},
        "model": {"name": "CKE", "dim": 4},
        "training": {"epochs": 2, "batch_size": 8},
        "evaluation": {"metrics": ["hr@1"], "baselines": []},
    })  # fmt: skip
    ni.run(recipe, place / "run")
    return place / "run"


def test_paths_weigh_the_product_of_their_edges_over_the_degree_between(folder: Path) -> None:
    """Ann trained on a alone: it leads to d over x, whose edges are three."""
    (found,) = ni.explain(folder, "ann", ["d"])
    assert (found.num_paths, [str(one) for one in found.reasons]) == (1, ["a -by-> x <-by- d"])
    assert found.reasons[0].share == 1.0
    (of_bob,) = ni.explain(folder, "bob", ["d"])
    assert {str(one) for one in of_bob.reasons} == {"b -by-> x <-by- d", "b -by-> z <-by- d"}
    model = ni.load(folder, evaluated=True).model
    weights = (
        torch.stack([plausible(model, edge) for edge in ((2, 5), (4, 5), (2, 7), (4, 7))]).reshape(2, 2).prod(1) / 3
    )
    expected = dict(zip("xz", (weights / weights.sum()).tolist(), strict=True))
    assert {str(one).split()[2]: one.share for one in of_bob.reasons} == pytest.approx(expected)


def plausible(model: ni.Recommender, edge: tuple[int, int]) -> torch.Tensor:
    """Of an edge of the relation "by"; nodes 1 to 4 are the items a to d, then come x, y and z."""
    head, tail = (torch.tensor([end]) for end in edge)
    with torch.no_grad():
        found: torch.Tensor = model.edge_weights(1, 4, head, torch.tensor([1]), tail)  # type: ignore[operator]
    return found[0]


def test_the_best_of_a_user_are_explained_by_default(folder: Path) -> None:
    found = ni.explain(folder, "ann", top=2, paths=1)
    assert [one.rank for one in found] == [1, 2]
    assert all(len(one.reasons) <= 1 and one.item != "a" for one in found)
    assert {one.num_ranked for one in found} == {3}
    assert "paths" in repr(found[0])


def test_what_was_met_has_no_rank_and_a_direct_edge_is_a_path(folder: Path) -> None:
    (met,) = ni.explain(folder, "ann", ["a"])
    assert (met.rank, met.reasons) == (None, ())
    (found,) = ni.explain(folder, "cat", ["d"], paths=9)
    assert "c <-like- d" in [str(one) for one in found.reasons]
    assert sum(one.share for one in found.reasons) == pytest.approx(1.0)


def test_items_go_by_a_name(folder: Path) -> None:
    (found,) = ni.explain(folder, "ann", ["d"], names="title")
    assert str(found.reasons[0]) == "The A -by-> x <-by- The D"
    assert (found.item, found.name) == ("d", "The D")
    with pytest.raises(InputError, match="no attribute 'name', found title"):
        ni.explain(folder, "ann", ["d"], names="name")


def test_the_command_says_it_in_words_and_in_json(folder: Path) -> None:
    told = CliRunner().invoke(app, ["explain", str(folder), "--user", "ann", "--item", "d,a"])
    assert told.exit_code == 0
    assert "100.0%" in told.stdout
    assert "the only path from what the user has met" in told.stdout
    assert "a -by-> x <-by- d" in told.stdout
    assert "met already" in told.stdout
    plain = CliRunner().invoke(app, ["explain", str(folder), "--user", "ann", "--item", "d", "--json"])
    (found,) = json.loads(plain.stdout)
    assert found["reasons"][0]["steps"][1] == {"source": "x", "relation": "by", "target": "d", "is_forward": False}
    refused = CliRunner().invoke(app, ["explain", str(folder), "--user", "ann", "--by", "attention"])
    assert "CKE is explained by paths of its graph" in str(refused.exception)


def test_strangers_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="does not know the user 'zoe'"):
        ni.explain(folder, "zoe")
    with pytest.raises(InputError, match="does not know the item 'q'"):
        ni.explain(folder, "ann", ["q"])


def test_a_model_without_a_graph_has_no_paths(tmp_path: Path) -> None:
    keys = {"model": {"name": "Popularity"}, "data": {"source": "synthetic"}, "evaluation": {"baselines": []}}
    run = ni.run(ni.make_recipe(keys), tmp_path / "run")
    with pytest.raises(InputError, match="Popularity has no knowledge graph"):
        ni.explain(run.folder, run.users.ids(np.array([1]))[0])


def test_a_reason_reads_along_its_edges() -> None:
    steps = (Step("a", "by", "x", True), Step("x", "made", "b", True))
    assert str(Reason(1.0, steps)) == "a -by-> x -made-> b"
