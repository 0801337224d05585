"""Several processes take the steps of one, and one that is lost ends the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from nextitem.training.checkpoint import load_weights

SCRIPT = Path(__file__).with_name("ranks.py")
PATIENCE = 240.0  # seconds: far beyond what a busy machine needs, so that a hang is an error and not a hang

SASREC = {"name": "SASRec", "dim": 8, "num_layers": 1, "max_length": 10, "dropout": 0.0, "norm": "pre"}
TRAINING = {"epochs": 2, "batch_size": 7, "batches": "next_item", "learning_rate": 0.01, "precision": "64-true"}
RUNS: dict[str, Any] = {
    "softmax": {"model": SASREC, "training": TRAINING, "evaluation": {"memory_mb": 1}},
    "bce": {
        "model": SASREC,
        "loss": {"name": "bce", "num_negatives": 2, "sampling": "static"},
        "training": TRAINING | {"batches": "prefix", "batch_size": 32},
    },
    "cloze": {
        "model": {"name": "BERT4Rec", "dim": 8, "num_heads": 1, "num_layers": 1, "dropout": 0.0},
        "training": TRAINING | {"batches": "cloze"},
    },
    "graph": {
        "model": {"name": "LightGCN", "dim": 4, "num_layers": 1},
        "loss": {"name": "bpr", "sampling": "static"},
        "training": TRAINING | {"batches": "pair", "batch_size": 32, "precision": "32-true"},
    },
    "single rows": {"model": SASREC, "training": TRAINING | {"batch_size": 1, "epochs": 1}},
    "sampled ranking": {
        "model": SASREC,
        "training": TRAINING | {"clip_norm": 0.1, "epochs": 1},
        "evaluation": {"candidates": 12, "users": 40, "metrics": ["hr@5", "ndcg@10"]},
    },
    "sharded": {"model": SASREC, "training": TRAINING, "evaluation": {"memory_mb": 1}},
    "sharded graph": {
        "model": {"name": "LightGCN", "dim": 4, "num_layers": 1},
        "loss": {"name": "bpr", "sampling": "static"},
        "training": TRAINING | {"batches": "pair", "batch_size": 32, "clip_norm": 0.1},
    },
    "counted": {
        "model": {"name": "EASE"},
        "evaluation": {"metrics": ["ndcg@10", "coverage@5", "gini@5", "novelty@5", "serendipity@5"]},
    },
}


def started(tmp: Path, size: int, job: str, *arguments: object) -> list[subprocess.Popen[str]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    store = tmp / f"store-{job}-{size}"
    commands = [[sys.executable, SCRIPT, store, rank, size, job, *arguments] for rank in range(size)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return [subprocess.Popen(list(map(str, one)), env=environment, **pipes) for one in commands]  # type: ignore[call-overload]


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Exit codes and what was printed; whatever happens, nothing is left running."""
    try:
        end = time.monotonic() + PATIENCE
        return [
            (one.returncode, out) for one in processes for out in [one.communicate(timeout=end - time.monotonic())[0]]
        ]
    finally:
        for one in processes:
            one.kill()


def all_done(*groups: list[subprocess.Popen[str]]) -> None:
    for code, output in ended([one for group in groups for one in group]):
        assert code == 0, output


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every recipe of RUNS by one process and by two, side by side, each with half of every batch."""
    tmp = tmp_path_factory.mktemp("processes")
    rows = [f"{user},{(user * 3 + step * step) % 31},{step}" for user in range(50) for step in range(4 + user % 9)]
    (tmp / "log.csv").write_text("user,item,time\n" + "\n".join(rows) + "\n")
    for name, layer in RUNS.items():
        (tmp / f"{name}.json").write_text(json.dumps({"data": {"source": str(tmp / "log.csv")}} | layer))
    for size in (1, 2):
        (tmp / str(size)).mkdir()
    all_done(started(tmp, 1, "run_all", tmp), started(tmp, 2, "run_all", tmp))
    return tmp


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_learn_the_weights_of_one(runs: Path, name: str) -> None:
    one, two = (load_weights(runs / size / name / "model.safetensors")[0] for size in ("1", "2"))
    check_close(one, two)


def check_close(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    """In float64: Adam makes whole steps of the rounding of float32, where a gradient is zero but for that."""
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        is_double = tensor.dtype == torch.float64
        assert torch.allclose(tensor, two[key], rtol=1e-8 if is_double else 1e-4, atol=1e-9 if is_double else 1e-5), key


@pytest.mark.parametrize("name", RUNS)
def test_the_report_of_two_processes_is_that_of_one(runs: Path, name: str) -> None:
    one, two = (json.loads((runs / size / name / "report.json").read_text()) for size in ("1", "2"))
    for key in ("protocol", "split", "leaks", "data", "baselines", "epochs", "best_epoch"):
        assert one[key] == two[key], key
    for part in ("valid", "test"):
        assert one[part] == pytest.approx(two[part], abs=1e-9)


def test_what_is_counted_is_ranked_alike_to_the_last_bit(runs: Path) -> None:
    one, two = (pl.read_parquet(runs / size / "counted" / "ranks.parquet") for size in ("1", "2"))
    assert one.equals(two)


def test_the_log_of_two_processes_holds_the_losses_of_one(runs: Path) -> None:
    one, two = (
        [json.loads(line) for line in (runs / size / "softmax" / "log.jsonl").read_text().splitlines()]
        for size in ("1", "2")
    )
    assert [line["epoch"] for line in two] == [1, 2]  # one process writes
    assert [line["loss"] for line in one] == pytest.approx([line["loss"] for line in two], rel=1e-5)


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_refit_to_the_weights_of_one(runs: Path, name: str) -> None:
    one, two = (runs / size / name for size in ("1", "2"))
    check_close(*(load_weights(folder / "refit.safetensors")[0] for folder in (one, two)))
    done, same = (json.loads((folder / "report.json").read_text())["refit"] for folder in (one, two))
    assert done | {"seconds": 0} == same | {"seconds": 0}
    assert not list(two.glob("refit*.json")) + list(two.glob("refit-*"))  # nothing of the way there


@pytest.mark.parametrize("begun_by", ["1", "2"])
def test_a_refit_is_continued_by_another_number_of_processes(runs: Path, begun_by: str) -> None:
    whole, continued = runs / "1" / "softmax", runs / begun_by / "begun refit"
    check_close(*(load_weights(folder / "refit.safetensors")[0] for folder in (whole, continued)))


@pytest.mark.parametrize("begun_by", ["1", "2"])
def test_a_run_is_continued_by_another_number_of_processes(runs: Path, begun_by: str) -> None:
    whole = load_weights(runs / "1" / "softmax" / "model.safetensors")[0]
    report = json.loads((runs / begun_by / "begun" / "report.json").read_text())
    assert report["epochs"] == 2
    check_close(whole, load_weights(runs / begun_by / "begun" / "model.safetensors")[0])


@pytest.fixture(scope="module")
def first_and_killed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str]]:
    """How two processes end, of which the second is killed after all that they tell each other."""
    tmp = tmp_path_factory.mktemp("killed")
    return ended(started(tmp, 2, "tell_refuse_diverge_and_die", tmp))


def test_processes_tell_each_other_what_they_have_and_end_alike(first_and_killed: list[tuple[int, str]]) -> None:
    (_, output), (code, other) = first_and_killed
    assert code == -signal.SIGKILL, output + other  # it came as far as that


def test_a_process_that_is_killed_ends_the_other(first_and_killed: list[tuple[int, str]]) -> None:
    check_lost(*first_and_killed[0])


def test_a_process_that_is_silent_ends_the_other(tmp_path: Path) -> None:
    stays, is_silent = started(tmp_path, 2, "be_silent", tmp_path)
    try:
        check_lost(*ended([stays])[0])
    finally:
        is_silent.kill()
        is_silent.communicate()


def check_lost(code: int, message: str) -> None:
    assert code == 4, message
    assert "another of the 2 processes has ended, or does not answer" in message


def test_torchrun_starts_the_command_line_and_one_process_prints(tmp_path: Path) -> None:
    keys = ["-d", "synthetic", "-m", "MarkovChain", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "nextitem", "run", *keys], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kept in") == 1
    assert (tmp_path / "run" / "report.json").exists()
