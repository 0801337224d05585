"""update: a run goes on with newer data; what is old keeps its numbers, and the past stays as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.models import growing
from nextitem.recipe import Layer, make_recipe
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning import before as before_module
from nextitem.runs.learning.run import run as events
from nextitem.runs.learning.update import begin_update
from nextitem.training.fit import Progress

HEAD = "user,item,timestamp\n"
SMALL: dict[str, Layer] = {
    "SASRec": {"model": {"dim": 8, "num_layers": 1, "max_length": 6}},
    "GRU4Rec": {"model": {"dim": 8, "max_length": 6}},
    "Mamba4Rec": {"model": {"dim": 8, "d_state": 4, "max_length": 6}},
    "TVRec": {"model": {"dim": 8, "num_layers": 1, "num_bases": 2, "max_length": 6}},
    "BERT4Rec": {"model": {"dim": 8, "num_layers": 1, "max_length": 6}},
    "BPR": {"model": {"dim": 8}},
    "LightGCN": {"model": {"dim": 8, "num_layers": 1}},
    "MarkovChain": {},
    "NCF": {"model": {"dim": 4}},
}


def lines(rows: Sequence[tuple[object, object, int]]) -> str:
    return HEAD + "".join(f"{user},{item},{time}\n" for user, item, time in rows)


OLD = [(f"u{user}", f"i{(user + 2 * step) % 9}", 100 + step) for user in range(20) for step in range(6)]
NEW = [  # u0 and u1 go on, u3 meets a new item alone, v is new among users, and j met none of what u0 did
    ("u0", "i8", 200), ("u0", "new", 201), ("u0", "i3", 202), ("u0", "i4", 203),
    ("u1", "i2", 200), ("u1", "i5", 201), ("u3", "lone", 300),
    ("v", "i1", 200), ("v", "new", 201), ("v", "i6", 202), ("v", "i7", 203),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("update")
    (place / "old.csv").write_text(lines(OLD))
    (place / "new.csv").write_text(lines(NEW))
    return place


def made(home: Path, name: str, *layers: Layer) -> Path:
    """A run of the older log, made when it is first asked for."""
    place = home / name
    if not place.exists():
        of: Layer = {"data": {"source": str(home / "old.csv")}, "model": {"name": name}}
        training: Layer = {} if name == "MarkovChain" else {"training": {"epochs": 2, "batch_size": 32}}
        metrics: Layer = {"evaluation": {"baselines": [], "metrics": ["hr@1", "ndcg@5"]}}
        list(events(make_recipe(SMALL[name], of, training, metrics, *layers), place))
    return place


@pytest.mark.parametrize("name", [one for one in SMALL if one != "NCF"])
def test_old_ids_keep_their_numbers_and_the_older_model_answers_the_same_cases(
    home: Path, tmp_path: Path, name: str
) -> None:
    folder = made(home, name)
    found, older = ni.update(folder, home / "new.csv", tmp_path / "out", epochs=1), ni.load(folder)
    for ids, was in ((found.items, older.items), (found.users, older.users)):
        assert ids.column.head(len(was)).to_list() == was.column.to_list()
    assert found.items.column.tail(2).to_list() == ["lone", "new"]
    assert found.users.column.tail(1).to_list() == ["v"]
    report = found.report
    assert report["update"]["interactions"] == len(NEW)
    assert (report["update"]["users"], report["update"]["items"]) == (1, 2)
    assert list(report["baselines"]) == [f"{name} before"]
    ranks = pl.read_parquet(tmp_path / "out" / "ranks.parquet").filter(pl.col("part") == "test")
    of_model, of_older = (ranks.filter(pl.col("model") == one) for one in (name, f"{name} before"))
    assert sorted(of_model["user"]) == sorted(of_older["user"]) == ["u0", "u1", "u3", "v"]
    misses = {"u3", "v"} if name in ("BPR", "LightGCN") else {"u3"}  # an unknown target, an unknown user
    assert report["update"]["unknown_cases"] == len(misses)
    for row in of_older.filter(pl.col("user").is_in(list(misses))).iter_rows(named=True):
        assert row["rank"] >= row["num_ranked"] - 1
    assert len(found.recommend(users=["u0", "v"], k=3)) == 2


def weights_of(run: ni.Run) -> dict[str, torch.Tensor]:
    return {key: tensor.clone() for key, tensor in run.model.state_dict().items()}


@pytest.mark.parametrize("name", ["BPR", "BERT4Rec"])
def test_new_rows_begin_at_the_mean_of_their_neighbours(
    home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, seen = made(home, name), dict[str, torch.Tensor]()
    grow = growing.grow

    def watched(model: Any, *arguments: Any) -> Any:
        found = grow(model, *arguments)
        seen.update({key: tensor.clone() for key, tensor in model.state_dict().items()})
        return found

    monkeypatch.setattr(before_module, "grow", watched)
    begin_update(folder, home / "new.csv", tmp_path / "out", 1)
    older = ni.load(folder)
    was, table = weights_of(older)["item_embedding.weight"], seen["item_embedding.weight"]
    count = len(older.items)
    torch.testing.assert_close(table[: count + 1], was[: count + 1])
    torch.testing.assert_close(table[count + 3 :], was[count + 1 :])  # of BERT4Rec the mask, which is no item
    # In training, u0 has its six items and i8, new; v has i1, new. What is held out is nobody's neighbour.
    met = {"u0": {f"i{2 * step % 9}" for step in range(6)} | {"i8"}, "v": {"i1"}}
    near = torch.cat([was[older.items.indices(sorted(items))] for items in met.values()])
    torch.testing.assert_close(table[count + 2], near.mean(0))
    torch.testing.assert_close(table[count + 1], was[1 : count + 1].mean(0))  # lone: the test alone has it
    if name == "BPR":
        users = weights_of(older)["user_embedding.weight"]
        trained = [number for number in range(20) if "i1" in {item for _, item, _ in OLD[6 * number : 6 * number + 4]}]
        grown = seen["user_embedding.weight"][len(older.users) + 1]
        weights = torch.zeros(len(older.users) + 1)
        for number, row in enumerate(found_rows(home, older)):
            weights[number + 1] = len({"i1", "new"} & row)
        assert trained
        torch.testing.assert_close(grown, (weights @ users) / weights.sum())


def found_rows(home: Path, older: ni.Run) -> list[set[str]]:
    """What each older user has met in the training rows of the update: all of the past, and u0's first two."""
    rows = {user: {item for who, item, _ in OLD if who == user} for user in older.users.column.to_list()}
    rows["u0"] |= {"i8", "new"}
    return [rows[user] for user in older.users.column.to_list()]


def test_an_update_goes_on_from_the_weights_that_recommend(home: Path, tmp_path: Path) -> None:
    """Untrained, it scores older items of older histories as the run before does, once refitted, after its refit."""
    folder = shutil.copytree(made(home, "SASRec"), tmp_path / "refitted")
    recipe = RunFolder(folder).read_recipe()
    list(events(recipe, folder, refit=True))
    older = ni.load(folder)
    assert older.is_refit
    begin_update(folder, home / "new.csv", tmp_path / "out", 1)
    kept = ni.load(tmp_path / "out" / "before")
    assert kept.recommend([["i1", "i4"]], 5) == older.recommend([["i1", "i4"]], 5)


def test_a_stopped_update_goes_on_to_the_same_weights(home: Path, tmp_path: Path) -> None:
    folder = made(home, "SASRec")
    whole = ni.update(folder, home / "new.csv", tmp_path / "whole" / "out", epochs=3)
    arguments = (folder, home / "new.csv", tmp_path / "stopped" / "out", 3)
    for event in events(begin_update(*arguments), arguments[2]):
        if isinstance(event, Progress):
            break
    again = ni.update(*arguments[:3], epochs=3)
    assert again.report["test"] == whole.report["test"]
    for key, tensor in weights_of(whole).items():
        torch.testing.assert_close(weights_of(again)[key], tensor, rtol=0, atol=0)
    (finished,) = (event for event in ni.update(*arguments[:3], epochs=3) if hasattr(event, "is_kept"))
    assert finished.is_kept
    with pytest.raises(ni.InputError, match=r"out exists, and is not this update .*--out"):
        ni.update(*arguments[:3], epochs=2)


def test_nights_follow_each_other(home: Path, tmp_path: Path) -> None:
    first = ni.update(made(home, "SASRec"), home / "new.csv", tmp_path / "first", epochs=1, refit=True)
    assert first.is_refit
    later = pl.DataFrame(
        {"user": ["v", "v", "w", "w"], "item": ["i2", "fresh", "i1", "i2"], "timestamp": [400, 401] * 2}
    )
    second = ni.update(first.folder, later, tmp_path / "second", epochs=1)
    assert second.report["update"]["interactions"] == 4
    assert second.items.column.tail(3).to_list() == ["lone", "new", "fresh"]
    histories = second.histories
    assert second.items.ids(histories.row(int(second.users.indices(["v"])[0]) - 1))[-3:] == ["i7", "i2", "fresh"]
    assert ni.load(second.folder).report["data"]["interactions"] == len(OLD) + len(NEW) + 4


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("u0", "i1", 99)], r"1 of 1 interactions would change the past \(user 'u0' at 99, .* is at 105\)"),
        ([OLD[5], ("u0", "i1", 300)], r"1 of 2 interactions are in the run's data already \(user 'u0', item 'i1'"),
        ([("u0", "i1", 300)], "one user; validation and test want two"),
    ],
)
def test_what_would_change_the_past_is_refused(
    home: Path, tmp_path: Path, rows: Sequence[tuple[object, object, int]], message: str
) -> None:
    (tmp_path / "new.csv").write_text(lines(rows))
    with pytest.raises(ni.InputError, match=message):
        ni.update(made(home, "MarkovChain"), tmp_path / "new.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_past_that_changed_is_refused_by_name(home: Path, tmp_path: Path) -> None:
    folder = made(home, "MarkovChain")
    (tmp_path / "old.csv").write_text(lines([*OLD[:-1], ("u19", "i0", 105)]))
    with pytest.raises(ni.InputError, match=r"is no longer the data .* other items of its rows.* --past FILE"):
        ni.update(folder, home / "new.csv", tmp_path / "out", past=str(tmp_path / "old.csv"))


def test_what_cannot_grow_is_refused_before_there_is_a_folder(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ni.InputError, match=r"NCF is neither a sequence model .* nextitem run LOG -m NCF"):
        ni.update(made(home, "NCF"), home / "new.csv", tmp_path / "out")
    plain = np.array(["no times"])
    with pytest.raises(ni.InputError, match="has times and the new data has none"):
        ni.update(made(home, "MarkovChain"), pl.DataFrame({"user": plain, "item": plain}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_where_nobody_has_two_some_validate_and_it_is_said(home: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(lines([(f"u{user}", "i1", 300) for user in range(12)]))
    found = ni.update(made(home, "MarkovChain"), tmp_path / "new.csv", tmp_path / "out")
    data = ni.read_dataset(tmp_path / "out" / "data")
    assert np.bincount(np.asarray(data.parts)).tolist() == [len(OLD), 3, 9]
    assert any("every 5th user validates" in note for note in data.notes)
    assert found.report["update"]["begun"] == {}


def test_the_command_compares_with_a_run_from_nothing(home: Path, tmp_path: Path) -> None:
    arguments = ["update", made(home, "BPR"), "--data", home / "new.csv", "--out", tmp_path / "out", "--epochs", 1]
    told = CliRunner().invoke(app, list(map(str, [*arguments, "--from-nothing", "--json"])), catch_exceptions=False)
    found = json.loads(told.stdout)
    assert len({line["model"] for line in found["lines"]}) == 2
    assert "went on from" in told.stderr
    assert ni.load(tmp_path / "out-from-nothing").recipe.training.epochs == 2  # type: ignore[union-attr]
    alike = ["update", made(home, "BPR"), "--data", home / "new.csv", "--out", tmp_path / "alike", "--epochs", 2]
    told = CliRunner().invoke(app, list(map(str, [*alike, "--from-nothing"])))
    assert "has 2 epochs, as many as this update" in str(told.exception)
    fitted = ["update", made(home, "MarkovChain"), "--data", home / "new.csv", "--out", tmp_path / "fitted"]
    told = CliRunner().invoke(app, list(map(str, [*fitted, "--from-nothing"])))
    assert "MarkovChain is fitted anew in one go" in str(told.exception)
    assert not (tmp_path / "fitted").exists()
