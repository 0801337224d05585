"""The command line, as a user meets it."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numba
import pytest
import torch
from typer.testing import CliRunner

from nextitem.cli import main as cli
from nextitem.cli.main import app, main
from nextitem.errors import InputError
from nextitem.recipe import make_recipe
from nextitem.recipe.options import parse_keys

FAST = ["--training.epochs", "2", "--training.batches", "next_item", "--model.dim", "8", "--training.batch_size=512"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("cli") / "run"
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "--out", str(out), *FAST])
    assert result.exit_code == 0, result.output
    return out, result.output


def test_run_shows_the_road(finished: tuple[Path, str]) -> None:
    output = finished[1]
    for word in ("interactions", "density", "mean length", "time span", "Recipe", "item_embedding", "epoch   1",
                 "targets/s", "full ranking", "Popularity", "MarkovChain", "paired t test"):  # fmt: skip
        assert word in output, word


def test_light_mode_shows_a_line_for_the_data_a_line_an_epoch_and_the_result(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "--out", str(tmp_path), *FAST, "--mode", "light"])
    assert result.exit_code == 0
    of_the_machine = "compiling kernels", "this machine is busy", "longer, and its results"
    said = [line for line in result.output.splitlines() if not line.startswith(of_the_machine)]
    first, note, second, third, *rest = said
    assert "500 users, 100 items" in first
    assert note.startswith("seen items stay in the ranking")  # the synthetic users repeat items
    assert second.startswith("epoch   1")
    assert third.startswith("epoch   2")
    assert rest[1].startswith("Test: synthetic")


def test_a_run_that_compiles_kernels_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: object) -> Iterator[None]:
        yield numba.njit(lambda x: x)(1)

    monkeypatch.setattr("nextitem.runs.learning.run.run", lambda *_, **__: fit())
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "-m", "MarkovChain", "--out", str(tmp_path)])
    assert result.output.splitlines() == [
        "compiling kernels, which are kept for later runs: a quarter of a minute or so"
    ]


@pytest.mark.parametrize("mode", ["light", "detail"])
def test_a_run_says_first_that_its_times_are_milliseconds(tmp_path: Path, mode: str) -> None:
    rows = (f"u{user},i{(user + step) % 50},{1384719342500 + step}\n" for user in range(60) for step in range(5))
    (tmp_path / "ms.csv").write_text("user,item,timestamp\n" + "".join(rows))
    command = ["-d", str(tmp_path / "ms.csv"), "--out", str(tmp_path / "run"), *FAST, "--mode", mode]
    result = CliRunner().invoke(app, ["run", *command])
    assert result.exit_code == 0, result.output
    said = "the times of ms.csv are milliseconds; they were kept as they are"
    assert said in " ".join(result.output.partition("epoch")[0].split())
    prepared = CliRunner().invoke(app, ["prepare", str(tmp_path / "ms.csv"), "--out", str(tmp_path / "ready")])
    assert said in " ".join(prepared.output.split())


def test_detail_mode_says_what_training_does(finished: tuple[Path, str]) -> None:
    words = " ".join(finished[1].split())
    assert "at most 2 epochs of next_item batches of 512 rows; every 1 epochs ndcg@10 on the validation cases" in words


def test_profile_says_where_the_time_of_the_steps_went(finished: tuple[Path, str], tmp_path: Path) -> None:
    command = ["run", "-d", "synthetic", *FAST, "--mode", "light", "--profile", "--out"]
    result = CliRunner().invoke(app, [*command, str(tmp_path)])
    lines = result.output.partition("training steps")[2].splitlines()
    phases = {line.split()[0]: line.split() for line in lines if line.rstrip().endswith("%")}
    assert list(phases) == ["batching", "forward", "loss", "backward", "optimizer"]
    assert sum(float(cells[-1].rstrip("%")) for cells in phases.values()) == pytest.approx(100, abs=0.5)
    assert "no step was trained" in CliRunner().invoke(app, [*command, str(finished[0])]).output


def test_recommend_prints_items(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["recommend", str(finished[0]), "--history", "1,2,3", "-k", "4"])
    assert result.exit_code == 0
    assert len(result.output.strip().splitlines()) == 5


def test_recommend_says_what_it_skipped(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["recommend", str(finished[0]), "--history", "1,zz", "--unknown", "skip"])
    assert "does not know them: zz" in result.output


def test_evaluate_takes_a_protocol(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(finished[0]), "--protocol", "sampled-20", "--metrics", "hr@10"])
    assert "20 uniform negatives (sampled)" in result.output


def test_show_prints_the_table_again(finished: tuple[Path, str]) -> None:
    result = CliRunner().invoke(app, ["show", str(finished[0])])
    assert "paired t test" in result.output


def test_a_recipe_file_lies_under_the_options(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("data: {source: synthetic}\nmodel: {name: ZeroBlock, dim: 4}\ntraining: {epochs: 1}\n")
    result = CliRunner().invoke(app, ["run", "--recipe", str(file), "--out", str(tmp_path / "o"), "--model.dim", "8"])
    assert result.exit_code == 0, result.output
    recipe = json.loads((tmp_path / "o/report.json").read_text())["recipe"]
    assert recipe["model"] == {"name": "ZeroBlock", "dim": 8, "dropout": 0.5, "first_weights": "xavier"}


def test_null_takes_a_recipe_files_value_away(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        "data: {source: synthetic}\nmodel: {name: ZeroBlock, dim: 4}\ntraining: {epochs: 1, clip_norm: 5}\n"
    )
    keys = ["--training.clip_norm", "null", "--learner", "adasgd"]
    result = CliRunner().invoke(app, ["run", "--recipe", str(file), "--out", str(tmp_path / "o"), *keys])
    assert result.exit_code == 0, result.output
    training = json.loads((tmp_path / "o/report.json").read_text())["recipe"]["training"]
    assert (training["clip_norm"], training["optimizer"]) == (None, "adagrad")


def test_sparse_rows_train_from_the_command_line(tmp_path: Path) -> None:
    keys = ["--learner", "sparse_adam", "--loss.name", "bce", "--training.schedule", "cosine"]
    keys += ["--training.accumulate", "2"]
    result = CliRunner().invoke(app, ["run", "-d", "synthetic", "--out", str(tmp_path / "o"), *FAST, *keys])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "o/log.jsonl").read_text().splitlines()]
    assert [line["learning_rate"] for line in lines] == [0.001, 0.0005]  # a step an epoch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model.name", "null"], "model.name is a model's name"),
        (["--training.epochs", "null"], "training.epochs"),
        (["--epochss", "3"], 'did you mean "--epochs"'),
        (["--gpu", "0"], "take --device cuda"),
        (["--dataset", "ml-1m"], "take --data"),
        (["--sed", "3"], 'did you mean "--seed"'),
        (["stray"], '"stray" is neither a known data set nor a file or folder'),
        (["one.csv", "--epochs", "3", "two.csv"], "'one.csv' and 'two.csv'"),
        (["one.csv", "-d", "two.csv"], "given twice"),
        (["--training.device", "cuda" if not torch.cuda.is_available() else "mps"], "training.device: there is no"),
        (["--training.epochs"], "needs a value"),
        (["--training.epochs", "[1"], "is not a value"),
        (["--training.epoch", "3"], 'did you mean "epochs"'),
        (["-d", "ml-100"], "ml-100k"),
        (["--resume", "nowhere"], "not a run folder"),
        (["--recipe", "nowhere.yaml"], "cannot be read"),
        (["x" * 5000], "File name too long"),
        (["--out", "x" * 300], "File name too long"),
        (["~nobody-of-this-name/log.csv"], "~nobody-of-this-name/log.csv"),
    ],
)
def test_a_mistake_is_one_line_on_stderr(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nextitem", "run", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_fault_without_a_file_is_not_told_as_one_of_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that is closed to this user, for one."""

    def refused() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(cli, "app", refused)
    with pytest.raises(PermissionError):
        main()
    assert "name another file" not in capsys.readouterr().err


def test_keys_without_a_section_are_refused() -> None:
    with pytest.raises(InputError, match=r"--section\.key"):
        parse_keys(["--depth", "3"])


@pytest.mark.parametrize(("typed", "ours"), [("train", "run"), ("predict", "recommend"), ("Eval", "evaluate")])
def test_a_command_of_another_code_leads_to_ours(typed: str, ours: str) -> None:
    with pytest.raises(InputError, match=f'no command "{typed}"; take nextitem {ours}'):
        app([typed], standalone_mode=False)


def test_a_misspelt_command_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "describe"'):
        app(["descirbe"], standalone_mode=False)


def test_hyphens_underscores_and_the_names_of_other_codes_are_one_key() -> None:
    expected = {"training": {"batch_size": 8, "learning_rate": 0.1}, "model": {"dim": 4}}
    assert parse_keys(["--batch-size", "8", "--lr", ".1", "--embedding-size", "4"]) == expected
    assert parse_keys(["--training.batch-size=8", "--training.learning_rate", ".1", "--model.dim", "4"]) == expected


def test_lists_are_typed_with_commas() -> None:
    recipe = make_recipe(parse_keys(["--evaluation.metrics", "hr@5,ndcg@5"]), {"model": {"name": "NCF"}},
                         parse_keys(["--model.hidden_sizes", "16,8"]))  # fmt: skip
    assert recipe.evaluation.metrics == ("hr@5", "ndcg@5")
    assert recipe.model.arguments["hidden_sizes"] == (16, 8)


def test_help_is_wrapped_once() -> None:
    lines = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "80", "TERM": "dumb"}).output.splitlines()
    start = next(number for number, line in enumerate(lines) if "Every key of a recipe" in line)
    paragraph = lines[start : lines.index(" " * 80, start)] if " " * 80 in lines[start:] else lines[start : start + 4]
    assert min(len(line.rstrip()) for line in paragraph[:-1]) > 60  # no line ends where the source's did


def test_the_version_is_the_packages() -> None:
    shown = subprocess.run([sys.executable, "-m", "nextitem", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["nextitem", version("nextitem")]


def test_help_loads_neither_torch_nor_polars() -> None:
    code = "import sys; from nextitem.cli.main import app; app(['--help'], standalone_mode=False); " \
           "sys.exit(bool({'torch', 'polars', 'pydantic'} & set(sys.modules)))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
