"""The index of a run: kept beside it, used by its recommendations and evaluations, refused where it does not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.recipe import Layer, make_recipe
from nextitem.retrieval import approximate
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.folder.kept import describe_files
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run

pytestmark = pytest.mark.skipif(find_spec("faiss") is None, reason="faiss is not installed: the extra ann")
MODELS: dict[str, Layer] = {
    "MarkovChain": {},
    "BPR": {"model": {"dim": 8}, "training": {"epochs": 1}},
    "SASRec": {"model": {"dim": 8, "max_length": 6}, "training": {"epochs": 1, "batch_size": 64}},
    "TransRec": {"model": {"dim": 8}, "training": {"epochs": 1}},
}
USERS, ITEMS = 80, 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, random_log: Callable[..., str]) -> Path:
    """A log of users u0, u1, .. with 3 to 20 items of i0, i1, .., and a run of each model on it."""
    place = tmp_path_factory.mktemp("index")
    (place / "log.csv").write_text(random_log(USERS, ITEMS, 3, 21, gap=100))
    for name, layer in MODELS.items():
        of = {"data": {"source": str(place / "log.csv")}, "model": {"name": name}, "evaluation": {"baselines": []}}
        list(run(make_recipe(layer, of), place / name, refit=name == "BPR"))
    return place


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    shutil.copytree(home / "SASRec", tmp_path / "run", ignore=shutil.ignore_patterns("index.*"))
    return tmp_path / "run"


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return " ".join((result.output if code == 0 else str(result.exception)).split())


@pytest.mark.parametrize("name", ["BPR", "SASRec", "TransRec"])
def test_an_index_of_all_items_answers_as_without(home: Path, name: str) -> None:
    loaded = ni.load(home / name)
    note = loaded.index("Flat")
    assert note.recall is not None
    assert (note.kind, note.recall.value, note.items, note.recall.queries) == ("Flat", 1.0, ITEMS, USERS // 2)
    users = [f"u{user}" for user in range(USERS)]
    only = [f"i{item}" for item in range(0, ITEMS, 2)]
    for exclude_seen, shown in ((True, None), (False, None), (True, only)):
        plain, by_index = (
            loaded.recommend(users=users, k=5, exclude_seen=exclude_seen, only=shown, ann=ann) for ann in (False, True)
        )
        assert [one.items for one in by_index] == [one.items for one in plain]
        np.testing.assert_allclose(
            [one.scores for one in by_index], [one.scores for one in plain], rtol=1e-4, atol=1e-5
        )
    given = [["i1", "i2"], ["i3"]]
    plain, by_index = (loaded.recommend(given, users=["u1", "u2"], k=4, ann=ann) for ann in (False, True))
    assert [one.items for one in by_index] == [one.items for one in plain]


def test_a_recall_is_asked_for_and_said(folder: Path) -> None:
    said = json.loads(call("index", folder, "--kind", "IVF20,Flat", "--recall", "0.9", "-k", 5, "--json"))
    assert (said["kind"], said["wanted"], said["recall"]["k"], said["recall"]["queries"]) == ("IVF20,Flat", 0.9, 5, 40)
    assert said["recall"]["value"] >= 0.85
    kept = json.loads((folder / "index.json").read_text())
    assert (kept["effort"], kept["recall"]) == (said["effort"], said["recall"])
    told = call("index", folder, "--kind", "IVF20,Flat")
    assert "IVF20,Flat, 1 of 20 clusters: recall@10 " in told
    assert "on 40 queries; 60 items" in told


def test_everyone_is_answered_by_the_index(folder: Path, tmp_path: Path) -> None:
    call("index", folder)
    call("recommend", folder, "--for", "all", "--out", tmp_path / "by.parquet", "--ann", "-k", 4)
    call("recommend", folder, "--for", "all", "--out", tmp_path / "plain.parquet", "-k", 4)
    by_index, plain = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("by", "plain"))
    assert by_index.drop("score").equals(plain.drop("score"))
    assert call("recommend", folder, "--user", "u3", "--ann") == call("recommend", folder, "--user", "u3")


def test_an_evaluation_by_the_index_says_so(folder: Path) -> None:
    call("index", folder, "--kind", "Flat")
    metrics = ["hr@1", "ndcg@10", "recall@20"]
    full = evaluate_again(folder, metrics=metrics)
    by_index = evaluate_again(folder, metrics=metrics, ann=True)
    assert by_index.means() == pytest.approx(full.means())
    assert by_index.protocol == (
        f"{full.protocol}, approximate: targets looked for in lists of 20 items found by Flat (recall@10 1.0000 on 40 "
        "queries)"
    )
    assert by_index.protocol[:60] in call("evaluate", folder, "--ann", "--metrics", "hr@1,recall@20")
    for seen in ("keep", "mask_unless_target", "mask"):
        pair = [evaluate_again(folder, metrics=metrics, seen=seen, ann=ann).means() for ann in (False, True)]
        assert pair[1] == pytest.approx(pair[0])
    with pytest.raises(InputError, match="an index searches the whole catalogue"):
        evaluate_again(folder, "sampled-10", metrics=["hr@1"], ann=True)
    with pytest.raises(InputError, match="auc is of the order of all items"):
        evaluate_again(folder, metrics=["auc", "hr@1"], ann=True)


def test_a_target_that_the_index_misses_is_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cluster of twenty is looked into; what it lacks is found by no metric."""
    monkeypatch.setattr(approximate, "FETCHED_AT_MOST", 1.0)  # of few items too
    call("index", folder, "--kind", "IVF20,Flat")
    full, by_index = (evaluate_again(folder, metrics=["hr@3"], ann=ann) for ann in (False, True))
    assert not np.array_equal(by_index.ranking.above <= 2, full.ranking.above <= 2)
    assert (by_index.ranking.num_ranked == full.ranking.num_ranked).all()
    assert by_index.ranking.above[np.isfinite(by_index.ranking.above)].max() == ITEMS - 1


def test_without_an_index_the_way_out_is_said(folder: Path) -> None:
    assert "has no index of these weights; make one with `nextitem index" in call(
        "recommend", folder, "--user", "u1", "--ann", code=1
    )
    with pytest.raises(InputError, match="no index of these weights"):
        evaluate_again(folder, ann=True)


def test_a_stale_index_is_refused(folder: Path, home: Path) -> None:
    """The weights changed after it was made."""
    ni.load(folder).index()
    weights = RunFolder(folder).read_weights()
    weights["item_embedding.weight"][3] += 0.5
    RunFolder(folder).write_weights(weights)
    report = json.loads((folder / "report.json").read_text())
    report["files"] |= describe_files(folder, ["model.safetensors"])
    (folder / "report.json").write_text(json.dumps(report))
    with pytest.raises(InputError, match=r"index.faiss is of other weights than the run has now; make it anew with"):
        ni.load(folder).recommend(users=["u1"], ann=True)


@pytest.mark.parametrize("damage", ["cut", "changed", "other kind", "no note", "link", "too large"])
def test_a_damaged_index_is_refused(folder: Path, damage: str) -> None:
    ni.load(folder).index("IVF5,Flat")
    index, note = folder / "index.faiss", folder / "index.json"
    content, said = index.read_bytes(), json.loads(note.read_text())
    if damage == "cut":
        index.write_bytes(content[:-9])
    elif damage == "changed":
        index.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "other kind":
        note.write_text(json.dumps(said | {"kind": "IVF6,Flat"}))
    elif damage == "too large":
        note.write_text(json.dumps(said | {"effort": -1}))
    elif damage == "no note":
        note.write_text("{}")
    else:
        index.rename(folder / "elsewhere")
        index.symlink_to(folder / "elsewhere")
    with pytest.raises(InputError, match=r"index\.(faiss|json).*; make it anew with `nextitem index"):
        ni.load(folder).recommend(users=["u1"], ann=True)
    assert ni.load(folder).recommend(users=["u1"])


def test_a_run_that_was_refit_has_an_index_of_each(home: Path) -> None:
    assert ni.load(home / "BPR").is_refit
    call("index", home / "BPR")
    (home / "BPR" / "index.json").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"make one with `nextitem index .*BPR --evaluated`"):
        evaluate_again(home / "BPR", ann=True)
    call("index", home / "BPR", "--evaluated")
    assert evaluate_again(home / "BPR", ann=True).means() == pytest.approx(evaluate_again(home / "BPR").means())


def test_models_without_products_and_bad_words_are_refused(home: Path, folder: Path) -> None:
    for asking in (["index"], ["recommend", "--user", "u1", "--ann"]):
        said = call(asking[0], home / "MarkovChain", *asking[1:], code=1)
        assert "the scores of MarkovChain are no products" in said
    assert "is no kind of index" in call("index", folder, "--kind", "LSH", code=1)
    assert "recall must lie above 0 and be at most 1, such as 0.95; found 98.0" in call(
        "index", folder, "--recall", 98, code=1
    )
    assert "k must lie between 1 and 60" in call("index", folder, "-k", 61, code=1)
    assert "--live scores every item" in call("recommend", folder, "--live", "--ann", code=1)
    assert not (folder / "index.json").exists()


def test_a_run_that_keeps_no_histories_is_indexed_but_not_for_a_recall(folder: Path) -> None:
    shutil.rmtree(folder / "histories")
    assert "recall not measured" in call("index", folder)
    assert "keeps no histories" in call("index", folder, "--recall", 0.9, code=1)


def test_a_run_that_starts_over_has_no_index(folder: Path, home: Path) -> None:
    ni.load(folder).index()
    RunFolder(folder).clear()
    assert not list(folder.glob("*index*"))
