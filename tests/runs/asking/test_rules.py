"""Rules: conditions over the attributes of items, lists with so many of a category, candidates of a question."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.asking.conditions import holds, is_condition
from nextitem.runs.asking.limit import Limit, limited
from nextitem.runs.learning.run import run

ITEMS, KINDS = 24, 4
TABLE = pl.DataFrame({
    "kind": ["shoes", "hats", None, "shoes, red"],
    "tags": [["a", "b"], ["b"], None, []],
    "price": [1.0, 2.5, None, 3.0],
})  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    place = tmp_path_factory.mktemp("rules")
    (place / "log.csv").write_text(random_log(60, ITEMS, 4, 9))
    kinds = "".join(f"i{item},{'' if item == 0 else f'kind {item % KINDS}'}\n" for item in range(ITEMS))
    (place / "items.csv").write_text("item,kind\n" + kinds)
    data = {"source": str(place / "log.csv"), "item_table": str(place / "items.csv")}
    for name, layer in {"EASE": Layer(), "BPR": {"model": {"dim": 4}, "training": {"epochs": 1}}}.items():
        list(
            run(
                make_recipe(layer, {"data": data, "model": {"name": name}, "evaluation": {"baselines": []}}),
                place / name,
            )
        )
    return place


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kind == shoes", [0]),
        ("kind == 'shoes, red'", [3]),
        ("kind != shoes", [1, 3]),
        ("kind in ('hats', \"shoes, red\")", [1, 3]),
        ("kind == shoes or price >= 2.5 and not tags == b", [0, 3]),
        ("tags in ('a', 'c')", [0]),
        ("price is null", [2]),
        ("tags == b", [0, 1]),
        ("tags != b", [3]),
        ("price == 2.5", [1]),
        ("price in (1, 3)", [0, 3]),
    ],
)
def test_a_condition_holds_of(text: str, wanted: list[int]) -> None:
    assert is_condition(text)
    assert holds(text, TABLE).arg_true().to_list() == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind == a, b", "the end of the condition is expected"),
        ("kind in hats", "values in parentheses is expected"),
        ("kind in (hats)", "in takes texts, or numbers"),
        ("kind in ()", "a column or a value is expected"),
        ("color == red", 'items have no attribute "color"'),
        ("price == cheap", "holds numbers; compare it with one, found text"),
        ("tags == 3", "has lists of texts"),
        ("kind = shoes", "= is written == here"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(ni.InputError, match=message):
        holds(text, TABLE)


def test_a_limit_walks_the_ranking_and_takes_what_may_stay() -> None:
    limit = Limit.by(pl.Series(["x", "x", "x", None, None, "y"]), 2)
    ranking = np.array([[1, 2, 3, 6, 4, 5], [3, 1, 0, 0, 0, 0]])
    scores = np.arange(12, 0, -1).reshape(2, 6).astype(np.float32)
    items, values = limited(lambda depth: (ranking[:, :depth], scores[:, :depth]), 4, 6, limit)
    assert items.tolist() == [[1, 2, 6, 4], [3, 1, 0, 0]]
    assert values[0].tolist() == [12, 11, 9, 8]
    of_lists = Limit.by(pl.Series([["x", "y"], ["y"], ["x"], ["z"]]), 1)
    assert of_lists.chosen(np.array([1, 2, 3, 4]), 4) == [0, 3]


def by_hand(loaded: ni.Run, ranking: list[str], k: int, at_most: int) -> list[str]:
    kinds = dict(zip(loaded.items.column.to_list(), loaded.item_table["kind"].to_list(), strict=True))
    taken, counts = list[str](), Counter[str]()
    for item in ranking:
        kind = kinds[item]
        if len(taken) < k and (kind is None or counts[kind] < at_most):
            taken.append(item)
            counts[kind] += 1
    return taken


@pytest.mark.parametrize("name", ["EASE", "BPR"])
def test_single_and_batch_answers_keep_to_the_same_limit(home: Path, tmp_path: Path, name: str) -> None:
    loaded = ni.load(home / name)
    user = "u5"
    whole = loaded.recommend(users=[user], k=14)[0].items
    found = loaded.recommend(users=[user], k=5, at_most=1, by="kind")[0].items if name == "BPR" else None
    wanted = by_hand(loaded, [str(one) for one in whole], 4, 1)
    assert loaded.recommend(users=[user], k=4, at_most=1, by="kind")[0].items == wanted
    assert found is None or len(found) == 5  # four kinds, and one of which nothing is known
    out = tmp_path / "recs.csv"
    call("recommend", home / name, "--for", "all", "--out", out, "-k", 4, "--at-most", 1, "--by", "kind")
    assert pl.read_csv(out).filter(pl.col("user") == user)["item"].to_list() == wanted
    if name == "EASE":
        row = loaded.histories.take(loaded.users.indices([user]) - 1)
        history = loaded.items.ids(row.packed().items)
        assert loaded.recommend([history], 4, at_most=1, by="kind")[0].items == wanted
        with pytest.raises(ni.InputError, match=r"the items left\) for history 0; found 12.*--at-most"):
            loaded.recommend([history], 12, at_most=1, by="kind")


def test_conditions_choose_in_python_and_on_the_command_line(home: Path) -> None:
    loaded = ni.load(home / "EASE")
    shown = loaded.items_where("kind in ('kind 1', 'kind 2')")
    assert set(shown) == {f"i{item}" for item in range(ITEMS) if item % KINDS in (1, 2)}
    wanted = loaded.recommend([["i3", "i7"]], 4, only=shown)[0]
    found = json.loads(
        call(
            "recommend",
            home / "EASE",
            "--history",
            "i3,i7",
            "-k",
            4,
            "--only",
            "kind in ('kind 1', 'kind 2')",
            "--json",
        )
    )
    assert found["items"] == wanted.items
    left = json.loads(
        call("recommend", home / "EASE", "--history", "i3,i7", "-k", 4, "--exclude", "kind == 'kind 1'", "--json")
    )
    assert not set(left["items"]) & set(loaded.items_where("kind == 'kind 1'"))
    with pytest.raises(ni.InputError, match="kind == nothing holds of none of the 24 items"):
        loaded.items_where("kind == nothing")


def test_candidates_are_of_a_question(home: Path, tmp_path: Path) -> None:
    loaded = ni.load(home / "EASE")
    lists = [["i1", "i2", "i3", "i9"], ["i4", "i5", "i6"]]
    found = loaded.recommend([["i3"], ["i7"]], 2, candidates=lists)
    scores = [dict(zip(one.items, one.scores, strict=True)) for one in loaded.recommend([["i3"], ["i7"]], 23)]
    for one, of_row, listed in zip(found, scores, lists, strict=True):
        wanted = sorted((item for item in listed if item in of_row), key=lambda item: -of_row[item])[:2]
        assert one.items == wanted
    (tmp_path / "asked.jsonl").write_text('{"history": ["i3"], "candidates": ["i1", "i2", "i9"]}\n')
    told = json.loads(call("recommend", home / "EASE", "--histories", tmp_path / "asked.jsonl", "-k", 3))
    assert set(told["items"]) == {"i1", "i2", "i9"}
    with pytest.raises(ni.InputError, match=r"k must lie between 1 and 3 .*history 0; found 4"):
        loaded.recommend([["i3"]], 4, candidates=lists[:1])
    with pytest.raises(ni.InputError, match="candidates are a list for each history, found 2 of 1"):
        loaded.recommend([["i3"]], 2, candidates=lists)


def test_what_goes_together_and_what_is_no_rule(home: Path) -> None:
    with pytest.raises(ni.InputError, match="at_most and by go together"):
        ni.load(home / "EASE").recommend([["i3"]], 2, at_most=2)
    with pytest.raises(ni.InputError, match="1 or more, found 0"):
        ni.load(home / "EASE").recommend([["i3"]], 2, at_most=0, by="kind")
    refused = CliRunner().invoke(app, ["recommend", str(home / "EASE"), "--history", "i3", "--boost", "price"])
    assert "scores stay the model's" in str(refused.exception)


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
