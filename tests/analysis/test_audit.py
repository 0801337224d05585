"""The audit finds order where there is some, and none where there is none."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from nextitem.analysis.audit import Audit, Settings, audit, audited_recipe, plan
from nextitem.analysis.controls import CONTROLS, KEYS, SETTINGS, audit_control
from nextitem.analysis.trials import Result
from nextitem.cli.main import app
from nextitem.data.dataset import Dataset
from nextitem.errors import InputError

CHAINS = {control.name: control for control in CONTROLS}


def audited(dataset: Dataset, folder: Path, **training: int) -> Audit:
    recipe = audited_recipe("SASRec", "synthetic", SETTINGS, KEYS, {"training": training})
    *_, last = audit(dataset, recipe, SETTINGS, folder)
    assert isinstance(last, Audit)
    return last


@cache
def order_1() -> tuple[Audit, Path]:
    folder = Path(mkdtemp())
    return audit_control(CHAINS["order-1"], folder), folder


def test_a_chain_of_order_2_is_strongly_ordered(tmp_path: Path) -> None:
    verdict = audit_control(CHAINS["order-2"], tmp_path).verdict
    assert verdict.name == "strongly ordered"
    assert verdict.is_sure
    assert (verdict.order_information.low or 0) > 0.25


def test_a_chain_of_order_1_is_the_last_item_only() -> None:
    verdict = order_1()[0].verdict
    assert verdict.name == "last item only"
    assert verdict.is_sure
    assert (verdict.order_information.high or 1) < 0.05
    assert (verdict.last_item_share.low or 0) > 0.75


def test_shuffled_rows_have_no_order(tmp_path: Path) -> None:
    verdict = audit_control(CHAINS["shuffled"], tmp_path).verdict
    assert verdict.name == "no order"
    assert (verdict.recency_information.high or 1) < 0.25


def test_noise_leaves_the_shares_undefined(tmp_path: Path) -> None:
    verdict = audit_control(CHAINS["noise"], tmp_path).verdict
    assert verdict.name == "no gain"
    assert verdict.order_information.value is None


def test_the_controls_are_shown_with_their_right_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = (CHAINS["noise"], CHAINS["order-1"])
    monkeypatch.setattr("nextitem.analysis.controls.CONTROLS", two)
    shutil.copytree(order_1()[1], tmp_path / "order-1")  # its trials are done
    result = CliRunner().invoke(app, ["audit", "--controls", "--out", str(tmp_path)], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    assert re.search(r"order-1 +last item only +last item only .* right", result.output)
    told = CliRunner().invoke(app, ["audit", "--controls", "--out", str(tmp_path), "--json"])
    chains = json.loads(told.stdout)
    assert [(one["chain"], one["verdict"]["name"], one["is_right"]) for one in chains] == [
        ("noise", "no gain", True), ("order-1", "last item only", True)
    ]  # fmt: skip
    assert "right verdict" in " ".join(told.stderr.split())
    wrong = (replace(two[0], verdict="no order"), two[1])
    monkeypatch.setattr("nextitem.analysis.controls.CONTROLS", wrong)
    assert CliRunner().invoke(app, ["audit", "--controls", "--out", str(tmp_path)]).exit_code == 1


@pytest.mark.parametrize("other", [["ml-100k"], ["--seeds", "2"], ["--fast"], ["--model.dim", "8"]])
def test_the_controls_take_no_option_that_would_do_nothing(other: list[str]) -> None:
    with pytest.raises(InputError, match="--controls takes --out, --again and --json alone"):
        CliRunner().invoke(app, ["audit", "--controls", *other], catch_exceptions=False)


def test_a_second_audit_repeats_nothing_and_says_the_same() -> None:
    first, folder = order_1()
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    assert times
    assert audited(CHAINS["order-1"].make(), folder) == first
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")} == times


def test_trials_of_another_recipe_are_refused() -> None:
    _, folder = order_1()
    with pytest.raises(InputError, match="trial of another recipe or of other data"):
        audited(CHAINS["order-1"].make(), folder, epochs=3)


@pytest.mark.parametrize("name", ["trial.json", "result.json", "counts.npz"])
@pytest.mark.parametrize("content", [b"", b"[]", b"garbage"])
def test_a_damaged_trial_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    folder = Path(shutil.copytree(order_1()[1], tmp_path / "audit"))
    (folder / "trials/popularity" / name).write_bytes(content)
    with pytest.raises(InputError, match="trials/popularity"):
        audited(CHAINS["order-1"].make(), folder)


def test_an_audit_writes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/trials").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="trials is a link"):
        audit_control(CHAINS["order-1"], tmp_path / "audit")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_trial_that_another_process_is_at_is_refused(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "trials" / "popularity" / ".lock"),
        pytest.raises(InputError, match=r"another process is writing into .*popularity"),
    ):
        audit_control(CHAINS["order-1"], tmp_path)


def test_the_json_is_whole() -> None:
    found = json.loads(order_1()[0].to_json())
    assert found["verdict"]["name"] == "last item only"
    assert found["sure"] is True
    assert set(found["differences"]) == {"shuffle", "shuffle-all", "reverse", "swap-last", "drop-last", "only-last"}
    assert len(found["attention"]) == 1


def test_every_trial_of_the_article_is_planned() -> None:
    trials, notes = plan(audited_recipe("SASRec", "synthetic", Settings(seeds=1)), Settings(seeds=1))
    assert notes == []
    assert [trial.part for trial in trials] == [
        "Popularity", "MarkovChain", "full", *(f"max_length {length}" for length in (1, 2, 3, 5, 10, 20)),
        *(f"blocks {count}" for count in (4, 3, 1, 0)), *(f"STAMP {score}" for score in ("full", "h_t", "m_t")),
    ]  # fmt: skip
    by_part = {trial.part: trial.recipe for trial in trials}
    assert by_part["blocks 4"].model.arguments["max_length"] == 1
    assert by_part["blocks 0"].model.arguments == {"dim": 64, "dropout": 0.6, "first_weights": "xavier"}
    assert by_part["STAMP h_t"].training == by_part["full"].training


@pytest.mark.parametrize("name", ["GRU4Rec", "BERT4Rec", "STAMP", "ZeroBlock"])
def test_what_does_not_apply_to_a_model_is_left_out_and_said(name: str) -> None:
    trials, notes = plan(audited_recipe(name, "synthetic", Settings()), Settings())
    assert not [trial for trial in trials if trial.part.startswith("blocks")]
    assert any(note.startswith("blocks") for note in notes)
    has_lengths = any(trial.part.startswith("max_length") for trial in trials)
    assert has_lengths == (name in ("GRU4Rec", "STAMP"))
    assert has_lengths != any(note.startswith("max_length sweep") for note in notes)


def test_a_model_without_an_order_is_refused() -> None:
    with pytest.raises(InputError, match="EASE is none; take SASRec"):
        audited_recipe("EASE", "synthetic", SETTINGS)


def test_in_a_small_catalogue_the_audit_speaks_in_ndcg_of_all_items() -> None:
    counts = {"test": np.array([[0, 2], [1, 2]])}  # ranks 1, and 3 or 4
    result = Result(counts, {"num_ranked": 8, "ties": "expected"})
    assert (result.main, result.metrics) == ("ndcg@8", ("hr@1", "hr@5", "ndcg@5", "ndcg@8"))
    assert result.values("test").tolist() == pytest.approx([1, (1 / 2 + 1 / np.log2(5)) / 2])
