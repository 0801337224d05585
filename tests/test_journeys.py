"""The journeys of new users, from their own data to an answer, as they would type them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from typer.testing import CliRunner

import nextitem as ni
from nextitem.cli.main import app
from nextitem.data.synthetic import markov_chain

ROWS = [
    (f"customer {user}", f"sku-{item}", f"2024-03-{1 + step // 24:02d}T{step % 24:02d}:{user % 60:02d}:00Z")
    for user, row in enumerate(markov_chain(num_users=50, num_items=20, mean_length=9).sequences.to_lists())
    for step, item in enumerate(row)
]
OWN = '''"""Newest: what was met last is what comes next."""

import torch
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.models.base import Fitted


class Newest(Fitted):
    def __init__(self, num_items: int, weight: float = 1.0) -> None:
        super().__init__(num_items)
        self.register_buffer("weight", torch.tensor(weight))

    def fit(self, train: TrainingData) -> None:
        pass

    def score(self, batch: Batch) -> Tensor:
        place = (batch.inputs > 0).sum(1).clamp(min=1) - 1
        newest = batch.inputs.gather(1, place[:, None])
        return torch.zeros(len(batch.inputs), self.num_items + 1).scatter_(1, newest, float(self.weight))
'''


def typed(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"{user},{item},{time}\n" for user, item, time in rows]
    Path(name).write_text("customer_id,sku,created_at\n" + "".join(lines))
    return name


def figures(folder: str) -> dict[str, float]:
    return dict(json.loads((Path(folder) / "report.json").read_text())["test"])


def test_a_shops_log_with_dates_nulls_and_events_logged_twice() -> None:
    dirty = write(
        "shop.csv", [*ROWS, *ROWS[:100], ("", "sku-1", "2024-03-01T00:00:00Z"), ("customer 1", "sku-2", "soon")]
    )
    with pytest.raises(ni.InputError, match=r"2 of \d+ lines are bad"):
        typed("run", dirty, "-m", "MarkovChain")
    said = typed("run", dirty, "-m", "MarkovChain", "--data.bad-lines", "skip", "--out", "twice")
    assert "the same event twice" in said
    assert (Path("twice") / "bad_lines.csv").is_file()
    clean = ["--data.bad-lines", "skip", "--data.duplicates", "first", "--out", "once"]
    assert "the same event twice" not in typed("run", dirty, "-m", "MarkovChain", *clean)
    write("clean.csv", ROWS)
    typed("run", "clean.csv", "-m", "MarkovChain", "--data.duplicates", "first", "--out", "clean")
    assert figures("once") == figures("clean")


def test_the_same_rows_in_a_file_and_in_a_frame_on_the_command_line_and_in_python() -> None:
    typed("run", write("shop.csv", ROWS), "-m", "SASRec", "--epochs", "2", "--dim", "8", "--out", "run")
    frame = pd.DataFrame(ROWS, columns=["customer_id", "sku", "created_at"])
    frame["customer_id"] = frame["customer_id"].astype("category")
    frame["created_at"] = pd.to_datetime(frame["created_at"])
    model = ni.make("SASRec", recipe={"training": {"epochs": 2}}, dim=8)
    assert model.fit(frame).evaluate().means() == figures("run")
    assert model.fit("shop.csv").evaluate().means() == figures("run")
    dataset = ni.read_dataset(frame)
    split = ni.split.leave_one_out(dataset)
    plain = ni.fit(ni.models.SASRec(split.num_items, dim=8), split, epochs=2)
    assert [one.epoch.number for one in plain] == [1, 2]


def test_a_matrix_of_users_and_items() -> None:
    frame = pl.DataFrame(ROWS, schema=["user", "item", "time"], orient="row").with_columns(
        pl.col("user").rank("dense") - 1, pl.col("item").rank("dense") - 1
    )
    matrix = sparse.csr_matrix(([1] * len(frame), (frame["user"].to_list(), frame["item"].to_list())))
    found = ni.make("EASE", recipe={"split": {"kind": "user_entry"}}).fit(matrix).recommend([0, 1], k=3)
    assert found["user"].to_list() == [0, 0, 0, 1, 1, 1]


def test_a_train_and_a_test_file() -> None:
    newest = {user: place for place, (user, _, _) in enumerate(ROWS)}
    test = [ROWS[place] for place in newest.values()]
    train = [row for place, row in enumerate(ROWS) if place not in newest.values()]
    said = typed("run", write("train.csv", train), "-m", "MarkovChain", "--data.test-file", write("test.csv", test),
                 "--out", "given")  # fmt: skip
    assert "as given in files" in said
    typed("run", write("whole.csv", ROWS), "-m", "MarkovChain", "--out", "whole")
    assert figures("given") == figures("whole")  # the newest of each user is what leave-one-out holds out


def test_three_models_are_asked_alike_and_everyone_gets_an_answer() -> None:
    write("shop.csv", ROWS)
    reports = [
        json.loads(typed("run", "shop.csv", "-m", name, "--json")) for name in ("EASE", "ItemKNN", "MarkovChain")
    ]
    assert len({(one["protocol"], one["split"], tuple(one["test"])) for one in reports}) == 1
    typed("recommend", "runs/MarkovChain-shop.csv", "--for", "all", "--out", "recs.parquet", "-k", "2")
    answers = pl.read_parquet("recs.parquet")
    assert set(answers["user"]) == {user for user, _, _ in ROWS}
    assert answers.columns[:4] == ["user", "rank", "item", "score"]


def test_a_model_of_ones_own_file() -> None:
    Path("newest.py").write_text(OWN)
    write("shop.csv", ROWS)
    typed(
        "run", "shop.csv", "-m", "newest.py:Newest", "--model.weight", "2", "--evaluation.seen", "keep", "--out", "own"
    )
    with pytest.raises(ni.InputError, match="--trust-code"):
        typed("recommend", "own", "--history", "sku-1", "-k", "1", "--keep-seen")
    said = typed("recommend", "own", "--history", "sku-2,sku-1", "-k", "1", "--keep-seen", "--trust-code")
    assert "sku-1" in said
