"""Influence: the loss of a score without an item, against taking it out by hand, and the shares of attention."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.batches import Batch, history_batch
from nextitem.data.sequences import Sequences
from nextitem.models.attentive import Attentive
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.learning.run import run

LAYERS: dict[str, Layer] = {
    "ItemKNN": {},
    "BPR": {"model": {"dim": 4}, "training": {"epochs": 1}},
    "SASRec": {"model": {"dim": 8, "num_layers": 1, "max_length": 4}, "training": {"epochs": 1, "batch_size": 64}},
    "TiSASRec": {"model": {"dim": 8, "num_layers": 1, "max_length": 4}, "training": {"epochs": 1, "batch_size": 64}},
    "BERT4Rec": {"model": {"dim": 8, "num_layers": 1, "max_length": 4}, "training": {"epochs": 1, "batch_size": 64}},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    place = tmp_path_factory.mktemp("influence")
    (place / "log.csv").write_text(random_log(40, 12, 4, 9, gap=10))
    (place / "items.csv").write_text("item,title\n" + "".join(f"i{item},Film {item}\n" for item in range(11)))
    for name, layer in LAYERS.items():
        of: Layer = {
            "data": {"source": str(place / "log.csv"), "item_table": str(place / "items.csv")},
            "model": {"name": name}, "evaluation": {"baselines": []},
        }  # fmt: skip
        list(run(make_recipe(layer, of), place / name))
    return place


def score(loaded: ni.Run, history: list[str], item: str, times: list[int] | None = None) -> float:
    rows = Sequences.from_lists([loaded.items.indices(history).tolist()])
    if times is not None:
        rows = Sequences(rows.items, rows.starts, rows.stops, np.array(times))
    with torch.inference_mode():
        found = loaded.model.score(history_batch(rows, loaded.model.max_length, wanted=loaded.model.wanted()))
    return float(found[0, loaded.items.indices([item])[0]])


def test_of_item_knn_the_loss_is_the_weight_of_the_pair(home: Path) -> None:
    loaded = ni.load(home / "ItemKNN")
    (found,) = loaded.explain(["i1", "i2", "i3"], ["i5"])
    alone = {item: score(loaded, [item], "i5") for item in ("i1", "i2", "i3")}
    assert {one.item: one.amount for one in found.influences} == pytest.approx(alone)
    assert [one.amount for one in found.influences] == sorted(alone.values(), reverse=True)
    assert found.score == pytest.approx(sum(alone.values()))


def test_an_item_goes_with_its_repeats_as_if_it_was_never_met(home: Path) -> None:
    loaded = ni.load(home / "SASRec")
    history = ["i9", "i1", "i2", "i3", "i1"]  # longer than the model looks: without another, i9 is looked at
    for found in loaded.explain(history, k=2):
        whole = score(loaded, history, str(found.item))
        assert found.score == pytest.approx(whole, abs=1e-5)
        assert sorted(str(one.item) for one in found.influences) == ["i1", "i2", "i3"]
        for one in found.influences:
            without = [item for item in history if item != one.item]
            assert one.amount == pytest.approx(whole - score(loaded, without, str(found.item)), abs=1e-5)


def test_the_best_are_those_that_are_recommended(home: Path) -> None:
    loaded = ni.load(home / "SASRec")
    found = loaded.explain(["i1", "i2"], k=3)
    assert [one.item for one in found] == loaded.recommend([["i1", "i2"]], 3)[0].items
    assert [(one.rank, one.num_ranked) for one in found] == [(place, 10) for place in (1, 2, 3)]
    (met,) = loaded.explain(["i1", "i2"], ["i1"])
    assert met.rank is None


def test_times_go_with_their_items(home: Path) -> None:
    loaded = ni.load(home / "TiSASRec")
    (found,) = loaded.explain(["i1", "i2", "i3"], ["i5"], times=[10, 500, 900])
    loss = {one.item: one.amount for one in found.influences}["i2"]
    wanted = score(loaded, ["i1", "i2", "i3"], "i5", [10, 500, 900]) - score(loaded, ["i1", "i3"], "i5", [10, 900])
    assert loss == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("name", ["SASRec", "TiSASRec"])
def test_a_user_is_what_the_run_keeps_of_them(home: Path, name: str) -> None:
    loaded = ni.load(home / name)
    place = int(loaded.users.indices(["u7"])[0])
    row = loaded.histories.take(np.array([place - 1])).packed()
    times = row.timestamps.tolist() if name == "TiSASRec" and row.timestamps is not None else None
    assert loaded.explain(user="u7") == loaded.explain(loaded.items.ids(row.items), times=times)


def test_what_no_history_changes_is_refused(home: Path) -> None:
    with pytest.raises(ni.InputError, match="BPR knows a user by what training made of them"):
        ni.load(home / "BPR").explain(["i1"], user="u1")
    with pytest.raises(ni.InputError, match="does not know the item 'zz'"):
        ni.load(home / "SASRec").explain(["i1"], ["zz"])
    with pytest.raises(ni.InputError, match="the history has no item that could have brought anything"):
        ni.load(home / "SASRec").explain([])
    with pytest.raises(ni.InputError, match="'nobody' is not among the 40 users"):
        ni.load(home / "SASRec").explain(user="nobody")


def test_attention_counts_each_repeat_of_an_item_that_is_looked_at(home: Path) -> None:
    loaded = ni.load(home / "SASRec")
    history = ["i9", "i1", "i2", "i3", "i1"]  # longer than the model looks: i9 has no share
    assert isinstance(loaded.model, Attentive)
    with torch.inference_mode():
        first, *shares = loaded.model.attention_shares(
            Batch.of(torch.from_numpy(loaded.items.indices(history[1:])[None]))
        )[0].tolist()
    wanted = {"i1": first + shares[2], "i2": shares[0], "i3": shares[1]}
    best, second = loaded.explain(history, k=2, by="attention")
    assert {one.item: one.amount for one in best.influences} == pytest.approx(wanted)
    assert [one.amount for one in best.influences] == sorted((one.amount for one in best.influences), reverse=True)
    assert best.elsewhere == 0
    assert sum(one.amount for one in best.influences) == pytest.approx(1)
    assert second.influences == best.influences
    for found, removed in zip((best, second), loaded.explain(history, k=2), strict=True):
        assert (found.item, found.rank, found.by, removed.by) == (removed.item, removed.rank, "attention", "removal")
        assert found.score == pytest.approx(removed.score)


def test_what_the_mask_takes_is_told_apart(home: Path) -> None:
    (found,) = ni.load(home / "BERT4Rec").explain(["i1", "i2"], ["i5"], by="attention")
    assert 0.01 < found.elsewhere < 0.99
    assert sum(one.amount for one in found.influences) + found.elsewhere == pytest.approx(1)
    told = call("explain", home / "BERT4Rec", "--history", "i1,i2", "--by", "attention")
    assert f"{found.elsewhere:.1%}" in told
    assert "of no item" in told


def test_attention_goes_by_times_too(home: Path) -> None:
    loaded = ni.load(home / "TiSASRec")
    (found,) = loaded.explain(["i1", "i2", "i3"], ["i5"], times=[10, 500, 900], by="attention")
    assert sum(one.amount for one in found.influences) == pytest.approx(1)


def test_models_without_shares_are_refused(home: Path) -> None:
    with pytest.raises(ni.InputError, match=r"ItemKNN has no attention .* --by removal .* one of .*SASRec.*TiSASRec"):
        ni.load(home / "ItemKNN").explain(["i1"], by="attention")
    with pytest.raises(ni.InputError, match="by must be removal or attention, found 'magic'"):
        ni.load(home / "SASRec").explain(["i1"], by="magic")  # type: ignore[arg-type]


def call(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_command_says_the_same_with_titles(home: Path) -> None:
    wanted = ni.load(home / "SASRec").explain(["i1", "i11"], ["i5"])[0]
    asked = ("explain", home / "SASRec", "--history", "i1,i11", "--item", "i5", "--names", "title")
    (found,) = json.loads(call(*asked, "--json"))
    assert (found["item"], found["name"], found["score"]) == ("i5", "Film 5", wanted.score)
    assert [one["amount"] for one in found["influences"]] == [one.amount for one in wanted.influences]
    names = {one["item"]: one.get("name") for one in found["influences"]}
    assert names == {"i1": "Film 1", "i11": None}  # of i11 the table knows nothing
    told = " ".join(call(*asked).split())
    assert "Film 5 (i5): place" in told
    assert f"{wanted.influences[0].amount:+.4f}" in told
    assert "SASRec" not in call("explain", home / "SASRec", "--user", "u7", "-k", 1)
    refused = CliRunner().invoke(app, ["explain", str(home / "SASRec")])
    assert "needs --history 50,172, or --user ID" in str(refused.exception)


def test_the_command_says_where_attention_looks_once_for_all_items(home: Path) -> None:
    wanted = ni.load(home / "SASRec").explain(["i1", "i11"], by="attention")
    asked = ("explain", home / "SASRec", "--history", "i1,i11", "--by", "attention", "--names", "title")
    found = json.loads(call(*asked, "--json"))
    assert [one["by"] for one in found] == ["attention"] * 3
    for one, other in zip(found, wanted, strict=True):
        assert [part["amount"] for part in one["influences"]] == [part.amount for part in other.influences]
    told = " ".join(call(*asked).split())
    assert told.count("place") == 3
    assert told.count("share") == 1
    assert f"{wanted[0].influences[0].amount:.1%}" in told
    assert "of no item" not in told
