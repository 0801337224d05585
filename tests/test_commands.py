"""Every key of every command changes what it does, or is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import BaseModel
from typer.testing import CliRunner

from nextitem.analysis.audit import Audit, Settings, audit, audited_recipe
from nextitem.cli.main import app
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.ranking import rank
from nextitem.recipe import make_data_recipe, make_recipe
from nextitem.recipe.commands import AUDIT, COMMANDS, PREPARE, RUN, Command
from nextitem.recipe.data import Section
from nextitem.recipe.options import SPELLINGS, parse_keys
from nextitem.recipe.preparing import build_dataset
from nextitem.recipe.sections import Recipe
from nextitem.runs.learning.run import run

# Keys of a model and of a loss are checked one by one against what takes them: tests/test_recipe.py.
SECTIONS = ("data", "split", "training", "evaluation")
KEYS = [f"{section}.{key}" for section in SECTIONS for key in type(Recipe.model_fields[section].default).model_fields]
SMALL: dict[str, Any] = {
    "model": {"dim": 4, "num_layers": 1, "max_length": 3},
    "training": {"epochs": 1, "batch_size": 64},
}
FEWEST = Settings(lengths=(), parts=(), seeds=1, draws=1)


@pytest.fixture(scope="module", autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("log") / "log.csv"
    lines = [f"u{user},i{(user * 3 + step * step) % 31},{1000 + step}\n" for user in range(50) for step in range(6)]
    file.write_text("user,item,timestamp\n" + "".join(lines))
    return file


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The keys that are looked at, as long as the test goes on."""
    names = {type(Recipe.model_fields[section].default): section for section in SECTIONS}
    found: set[str] = set()
    dump = BaseModel.model_dump

    def get(self: Section, name: str) -> Any:
        found.add(f"{names.get(type(self), '')}.{name}")
        return object.__getattribute__(self, name)

    def dumped(self: BaseModel, **options: Any) -> dict[str, Any]:
        found.update(f"{names.get(type(self), '')}.{key}" for key in options.get("include") or ())
        return dump(self, **options)

    monkeypatch.setattr(Section, "__getattribute__", get, raising=False)
    monkeypatch.setattr(BaseModel, "model_dump", dumped)
    return found


def is_refused(command: Command, key: str) -> bool:
    section, name = key.split(".")
    try:
        command.check({section: {name: 1}})
    except InputError as error:
        return key in str(error) and f"nextitem {command.name}" in str(error)
    return False


def test_run_looks_at_every_key(log: Path, tmp_path: Path, read: set[str]) -> None:
    recipe = make_recipe({"data": {"source": str(log)}, **SMALL})
    read.clear()  # what making a recipe looks at is no use of it
    list(run(recipe, tmp_path / "run"))
    assert [key for key in KEYS if not is_refused(RUN, key) and key not in read] == []


def test_prepare_looks_at_every_key(log: Path, read: set[str]) -> None:
    recipe = make_data_recipe({"data": {"source": str(log)}})
    read.clear()
    build_dataset(recipe)
    assert [key for key in KEYS if not is_refused(PREPARE, key) and key not in read] == []


def test_audit_looks_at_every_key(log: Path, tmp_path: Path, read: set[str]) -> None:
    recipe = audited_recipe("SASRec", str(log), FEWEST, SMALL)
    read.clear()
    list(audit(build_dataset(recipe.data)[0], recipe, FEWEST, tmp_path))
    assert [key for key in KEYS if not is_refused(AUDIT, key) and key not in read] == []


def test_what_is_refused_is_a_key() -> None:
    for command in COMMANDS:
        assert set(command.refused) <= {*KEYS, "model.name"}
        assert set(command.sections) <= set(Recipe.model_fields)


def test_an_audit_takes_the_threads_that_it_is_told(log: Path, tmp_path: Path) -> None:
    recipe = audited_recipe("SASRec", str(log), FEWEST, SMALL, {"training": {"threads": 3}})
    next(iter(audit(build_dataset(recipe.data)[0], recipe, FEWEST, tmp_path)))
    assert torch.get_num_threads() == 3


def test_an_audit_ranks_within_the_memory_that_it_is_told(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets: list[int] = []

    def watched(model: Any, holdout: Any, metrics: Any, protocol: Any, memory: int = 0, **more: Any) -> Any:
        budgets.append(memory)
        return evaluate(model, holdout, metrics, protocol, memory, **more)

    def ranked(model: Any, holdout: Any, protocol: Any, memory: int = 0, **more: Any) -> Any:
        budgets.append(memory)
        return rank(model, holdout, protocol, memory, **more)

    for module in ("analysis.attention", "training.fit"):
        monkeypatch.setattr(f"nextitem.{module}.evaluate", watched)
    monkeypatch.setattr("nextitem.analysis.trials.rank", ranked)
    recipe = audited_recipe("SASRec", str(log), FEWEST, SMALL, {"evaluation": {"memory_mb": 7}})
    *_, last = audit(build_dataset(recipe.data)[0], recipe, FEWEST, tmp_path)
    assert isinstance(last, Audit)
    assert set(budgets) == {7 * 2**20}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "LOG", "--fst"], 'nextitem audit: there is no option --fst; did you mean "--fast"? Recipe keys are'),
        (["prepare", "LOG", "--out", "x", "--engin", "polars"], 'did you mean "--engine"? Recipe keys'),
        (["run", "--profil"], 'nextitem run: there is no option --profil; did you mean "--profile"? Recipe'),
        (["audit", "LOG", "--evaluation.metrics", "[hr@1]"], "nextitem audit takes no evaluation.metrics: it measures"),
        (["audit", "LOG", "--split.k", "2"], "nextitem audit takes no split.k"),
        (["audit", "LOG", "--model.name", "GRU4Rec"], "nextitem audit takes no model.name: the model is named by"),
        (["prepare", "LOG", "--out", "x", "--epochs", "3"], "prepare takes data keys alone, found training.epochs"),
        (["prepare", "LOG", "--out", "x", "--seed", "3"], "prepare takes data keys alone, found seed"),
        (["prepare", "LOG", "--out", "x", "--data.source", "y"], "nextitem prepare takes no data.source: SRC is"),
        (
            ["run", "-m", "BPR", "--model.name", "EASE"],
            "model.name is given twice, as 'BPR' by an option and as 'EASE'",
        ),
        (["run", "-d", "synthetic", "--split.valid", "0.3"], "split.valid: it is of the kinds user_entry"),
        (
            ["run", "-d", "synthetic", "--split.kind", "entry", "--split.min_length", "9"],
            "split.min_length: it is of the",
        ),
        (["audit", "LOG", "--training.mask_share", "0.3"], "the batch kind prefix has no key"),
        (["run", "-d", "synthetic", "--training.mask_share", "0.3"], "the batch kind next_item has no key"),
    ],
)
def test_a_key_that_would_do_nothing_is_refused(arguments: list[str], message: str, log: Path, tmp_path: Path) -> None:
    if arguments[0] == "run":
        arguments = [*arguments, "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, [str(log) if one == "LOG" else one for one in arguments])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_the_wrong_options_of_a_command_are_never_those_of_another() -> None:
    with pytest.raises(InputError) as raised:
        parse_keys(["--epoch", "3"], PREPARE, ["--out"])
    assert not any(spelling in str(raised.value) for spelling in SPELLINGS)
