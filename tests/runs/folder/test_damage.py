"""Damaged, mixed and foreign run folders: each command says which file, and nothing is answered from wrong data."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

import nextitem
from nextitem.errors import InputError
from nextitem.recipe import Layer, make_recipe
from nextitem.report.results import test_table as table_of
from nextitem.report.samplers import compare_samplers
from nextitem.runs.asking.reevaluate import evaluate_again
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run
from nextitem.training.checkpoint import load_weights, save_weights
from nextitem.training.fit import Progress

SMALL: Layer = {
    "model": {"dim": 4, "num_layers": 1, "max_length": 4},
    "training": {"epochs": 2, "batch_size": 8, "loggers": ["csv"]},
    "evaluation": {"metrics": ["hr@5"], "baselines": ["Popularity"]},
}
FILES = (
    "report.json", "data.json", "recipe.yaml", "items.parquet", "users.parquet", "model.safetensors",
    "checkpoint.safetensors", "log.jsonl", "log.csv", "ranks.parquet",
)  # fmt: skip
COMMANDS: dict[str, Callable[[Path], object]] = {
    "recommend": lambda folder: nextitem.load(folder).recommend([["1", "2"]], k=2),
    "evaluate": evaluate_again,
    "samplers": lambda folder: compare_samplers(folder, users=2, draws=2),
    "show": lambda folder: table_of(RunFolder(folder).read_report()),
    "run": lambda folder: list(run(RunFolder(folder).read_recipe(), folder)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`run`, `other` of other data and another recipe, both finished; `half`, `other-half`, which were interrupted;
    `counted` and `other-counted`."""
    home = tmp_path_factory.mktemp("runs")
    for name, step, seed in (("run", 3, 0), ("other", 5, 1)):
        lines = [
            f"{user + seed},{(user + step * place) % 11 + seed},{place}" for user in range(20) for place in range(6)
        ]
        (home / f"{name}.csv").write_text("user,item,time\n" + "\n".join(lines) + "\n")
        recipe = make_recipe(SMALL, {"data": {"source": str(home / f"{name}.csv")}, "seed": seed})
        list(run(recipe, home / name))
        for event in run(recipe, home / ("half" if name == "run" else "other-half")):
            if isinstance(event, Progress):
                break
        counted = make_recipe({
            "data": {"source": str(home / f"{name}.csv")},
            "model": {"name": "MarkovChain" if name == "run" else "ItemKNN"},
            "evaluation": SMALL["evaluation"],
        })  # fmt: skip
        list(run(counted, home / ("counted" if name == "run" else "other-counted")))
    return home


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(made / name, tmp_path / name))

    return copy


def damage(path: Path, how: str, other: Path) -> None:
    content = path.read_bytes()
    match how:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "garbage":
            path.write_bytes(bytes((7 * place + 131) % 256 for place in range(len(content))))
        case "of another run":
            shutil.copy(other / path.name, path)
        case "a link":
            path.rename(path.parent.parent / path.name)
            path.symlink_to(path.parent.parent / path.name)
        case "a folder":
            path.unlink()
            path.mkdir()


HOW = ("cut", "empty", "garbage", "of another run", "a link", "a folder")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", FILES)
def test_every_command_names_a_damaged_file_of_a_finished_run(
    made: Path, copied: Callable[[str], Path], name: str, how: str
) -> None:
    folder = copied("run")
    damage(folder / name, how, made / "other")
    for command, use in COMMANDS.items():
        with pytest.raises(InputError) as told:
            use(folder)
        assert str(folder) in str(told.value), command


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", ["report.json", "data.json", "recipe.yaml", "items.parquet", "model.safetensors"])
def test_a_counted_model_too(made: Path, copied: Callable[[str], Path], name: str, how: str) -> None:
    folder = copied("counted")
    damage(folder / name, how, made / "other-counted")
    for use in (COMMANDS["recommend"], COMMANDS["evaluate"], COMMANDS["show"]):
        with pytest.raises(InputError):
            use(folder)


# log.csv is written anew from log.jsonl, of which a kill may leave half, and in which another run's lines are lines.
HARMLESS = {("log.csv", how) for how in ("cut", "empty", "garbage", "of another run")}
HARMLESS |= {("log.jsonl", how) for how in ("cut", "empty", "of another run")}
HARMFUL = [(name, how) for name in FILES for how in HOW if (name, how) not in HARMLESS]


@pytest.mark.parametrize(("name", "how"), [case for case in HARMFUL if case[0] not in ("report.json", "ranks.parquet")])
def test_an_interrupted_run_is_not_continued_from_damage(
    made: Path, copied: Callable[[str], Path], name: str, how: str
) -> None:
    folder = copied("half")
    damage(folder / name, how, made / "other-half")
    with pytest.raises(InputError):
        COMMANDS["run"](folder)


@pytest.mark.parametrize(("name", "how"), sorted(HARMLESS))
def test_a_damaged_log_does_not_keep_a_run_from_going_on(
    made: Path, copied: Callable[[str], Path], name: str, how: str
) -> None:
    folder = copied("half")
    damage(folder / name, how, made / "other-half")
    COMMANDS["run"](folder)
    assert RunFolder(folder).read_report()["test"] == RunFolder(made / "run").read_report()["test"]


@pytest.mark.parametrize(
    "text", ["{1: 2}", "[]", "model: 3", "model: {name: [a]}", "data: {source: {}}", "&a [*a]", ""]
)
def test_a_recipe_of_another_shape_is_refused(copied: Callable[[str], Path], text: str) -> None:
    folder = copied("half")
    sections = "".join(
        f"{name}: null\n" for name in ("format", "seed", "data", "split", "loss", "training", "evaluation")
    )
    (folder / "recipe.yaml").write_text(text if text.startswith("[") else f"{text}\n")
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        nextitem.load(folder)
    (folder / "recipe.yaml").write_text(sections + f"{text if text[:5] == 'model' else 'model: {name: SASRec}'}\n")
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        nextitem.load(folder)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "run"])
def test_reading_a_folder_never_writes(copied: Callable[[str], Path], command: str) -> None:
    folder = copied("run")
    (folder / ".lock").unlink(missing_ok=True)

    def state() -> dict[str, tuple[bytes, int]]:
        files = [one for one in folder.rglob("*") if one.is_file()]
        return {str(one): (one.read_bytes(), one.stat().st_mtime_ns) for one in files}

    before, touched = state(), folder.stat().st_mtime_ns
    COMMANDS[command](folder)
    assert state() == before
    assert folder.stat().st_mtime_ns == touched


def test_resuming_writes_through_no_link(copied: Callable[[str], Path], tmp_path: Path) -> None:
    """Whatever a stranger left under a name that is written."""
    folder, outside = copied("half"), tmp_path / "outside"
    outside.write_text("theirs")
    for name in ("log.jsonl.part", "checkpoint.safetensors.part", "ranks.parquet", "log.csv"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        COMMANDS["run"](folder)
    assert outside.read_text() == "theirs"


@pytest.mark.parametrize("name", ["report.json", "ranks.parquet", "items.parquet", "recipe.yaml"])
def test_a_new_run_writes_through_no_link(made: Path, tmp_path: Path, name: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "run"
    folder.mkdir()
    (folder / name).symlink_to(outside)
    recipe = RunFolder(made / "counted").read_recipe()
    with pytest.raises(InputError):
        list(run(recipe, folder))
    assert not outside.exists()
    list(run(recipe, folder, again=True))  # removes the link, not what it leads to
    assert not (folder / name).is_symlink()
    assert not outside.exists()


@pytest.mark.parametrize("change", ["shape", "finite", "kind", "negative", "names", "number", "state"])
def test_moments_are_looked_at_before_kernels_take_them(copied: Callable[[str], Path], change: str) -> None:
    folder = copied("half")
    path = folder / "checkpoint.safetensors"
    tensors, metadata = load_weights(path)
    name = "optimizer.0.exp_avg_sq"
    match change:
        case "shape":
            tensors[name] = tensors[name][:1]
        case "finite":
            tensors[name][0, 0] = float("nan")
        case "kind":
            tensors[name] = tensors[name].long()
        case "negative":
            tensors[name][0, 0] = -1.0
        case "names":
            del tensors[name]
        case "number":
            tensors["optimizer.99.exp_avg"] = tensors[name]
        case "state":
            metadata["state"] = json.dumps({"epoch": 1, "best_epoch": 7})
    save_weights(tensors, path, metadata)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
        COMMANDS["run"](folder)


@pytest.mark.parametrize("change", ["finite", "shape", "kind", "more", "fewer"])
@pytest.mark.parametrize("kind", ["run", "counted"])
def test_weights_are_looked_at_before_they_score(copied: Callable[[str], Path], kind: str, change: str) -> None:
    """Also where no report says what the file was."""
    folder = copied(kind)
    (folder / "report.json").unlink()
    tensors, metadata = load_weights(folder / "model.safetensors")
    name = max(tensors, key=lambda one: tensors[one].numel() * tensors[one].is_floating_point())
    match change:
        case "finite":
            tensors[name].view(-1)[0] = float("inf")
        case "shape":
            tensors[name] = torch.cat([tensors[name], tensors[name]])
        case "kind":
            tensors[name] = tensors[name].long()
        case "more":
            tensors["more"] = torch.ones(2)
        case "fewer":
            del tensors[name]
    save_weights(tensors, folder / "model.safetensors", metadata)
    with pytest.raises(InputError, match=r"model\.safetensors does not fit the recipe"):
        nextitem.load(folder)


@pytest.mark.parametrize(("name", "value"), [("starts", 10**6), ("followers", 99), ("followers", -1)])
def test_a_table_that_leads_outside_is_refused(copied: Callable[[str], Path], name: str, value: int) -> None:
    folder = copied("counted")
    (folder / "report.json").unlink()
    tensors, metadata = load_weights(folder / "model.safetensors")
    tensors[name][1] = value
    save_weights(tensors, folder / "model.safetensors", metadata)
    with pytest.raises(InputError, match=r"model\.safetensors does not fit the recipe"):
        nextitem.load(folder)


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"item": ["1"]}), pl.DataFrame({"id": ["1", "1"]}), pl.DataFrame({"id": ["1", None]}),
        pl.DataFrame({"id": [1.5, 2.5]}), pl.DataFrame({"id": ["1"], "name": ["a"]}), pl.DataFrame({"id": ["1", "2"]}),
    ],
)  # fmt: skip
def test_id_tables_are_looked_at(copied: Callable[[str], Path], table: pl.DataFrame) -> None:
    folder = copied("half")
    table.write_parquet(folder / "items.parquet")
    with pytest.raises(InputError, match=r"items\.parquet"):
        nextitem.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"test": None}, {"test": {"hr@5": "high"}}, {"test": {"hr@5": float("nan")}}, {"baselines": []},
        {"baselines": {"Popularity": {"hr@9": 0.5}}}, {"recipe": {}}, {"data": {}}, {"protocol": 1}, {"comparison": {}},
        {"seconds": None},
    ],
)  # fmt: skip
def test_a_report_is_looked_at(copied: Callable[[str], Path], change: dict[str, Any]) -> None:
    path = copied("run") / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"report\.json"):
        COMMANDS["show"](path.parent)


def test_what_nobody_reads_may_be_gone(copied: Callable[[str], Path]) -> None:
    folder = copied("run")
    for name in ("checkpoint.safetensors", "log.csv", "log.jsonl", "ranks.parquet"):
        os.unlink(folder / name)
    for use in COMMANDS.values():
        use(folder)


def test_a_run_that_was_half_cleared_is_no_run_to_continue(copied: Callable[[str], Path]) -> None:
    folder = copied("half")
    (folder / "data.json").unlink()
    with pytest.raises(InputError, match=r"data\.json does not exist.*--again"):
        COMMANDS["run"](folder)


def test_a_checkpoint_without_a_recipe_is_not_continued(copied: Callable[[str], Path]) -> None:
    folder = copied("half")
    recipe = RunFolder(folder).read_recipe()
    (folder / "recipe.yaml").unlink()
    with pytest.raises(InputError, match="what it is of cannot be told"):
        list(run(recipe, folder))


def test_an_older_version_said_less_and_is_still_shown(copied: Callable[[str], Path]) -> None:
    """But whether its data is still the same cannot be told."""
    folder = copied("run")
    for name in ("report.json", "data.json"):
        said = json.loads((folder / name).read_text())
        data = said if name == "data.json" else said["data"]
        for key in ("format", "digests", "directory"):
            data.pop(key, None)
        said.pop("files", None)
        (folder / name).write_text(json.dumps(said))
    COMMANDS["show"](folder)
    COMMANDS["recommend"](folder)
    for command in ("evaluate", "samplers", "run"):
        with pytest.raises(InputError, match=r"an older version of nextitem wrote down.*--again"):
            COMMANDS[command](folder)
