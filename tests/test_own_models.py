"""Models of the user's own: by file, module and entry point; run when the user names them, never when a folder does."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from own_files import COUNTED, FILE, class_of, command, forget, imports

from nextitem.errors import InputError
from nextitem.models.asking import asked
from nextitem.models.base import Recommender
from nextitem.models.own import own_model
from nextitem.recipe import make_recipe
from nextitem.runs.asking.recommend import load
from nextitem.runs.folder.naming import free_folder
from nextitem.runs.folder.run_folder import RunFolder
from nextitem.runs.learning.run import run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a model, the recipe of it, and a finished run."""
    home = tmp_path_factory.mktemp("own")
    (home / "mine.py").write_text(FILE)
    (home / "MyModel.yaml").write_text("model: {dim: 8}\ntraining: {epochs: 1, batch_size: 256}\n")
    keys = ["--model.max_length", 5, "--mode", "light"]
    said = command("run", "-m", home / "mine.py:MyModel", "-d", "synthetic", "--out", home / "run", *keys)
    assert " MyModel " in said
    return home


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """The same elsewhere: a run that says where its code is."""
    shutil.copytree(home, tmp_path / "own")
    for name in ("recipe.yaml", "code.json", "report.json"):
        path = tmp_path / "own/run" / name
        path.write_text(path.read_text().replace(str(home), str(tmp_path / "own")))
    folder = RunFolder(tmp_path / "own/run")
    report = json.loads((folder.path / "report.json").read_text())
    recipe = make_recipe(yaml.safe_load((folder.path / "recipe.yaml").read_text()), models=[class_of(tmp_path / "own")])
    shutil.rmtree(folder.path)
    list(run(recipe, folder.path))
    assert json.loads((folder.path / "report.json").read_text())["test"] == report["test"]
    (tmp_path / "own/imports").unlink()
    forget(tmp_path / "own")
    return tmp_path / "own"


def test_the_recipe_names_the_file_absolutely_and_has_the_keys_of_the_class(home: Path) -> None:
    recipe = yaml.safe_load((home / "run/recipe.yaml").read_text())
    wanted = {"name": f"{home / 'mine.py'}:MyModel", "dim": 8, "max_length": 5, "bias": True}
    assert recipe["model"] == wanted  # dim by the recipe beside the file, bias by the signature
    assert recipe["training"]["batch_size"] == 256


def test_a_relative_path_is_the_same_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    relative = asked("./mine.py:MyModel")
    assert relative is not None
    assert relative == asked(f"{home}/mine.py:MyModel")
    assert relative.name == f"{home / 'mine.py'}:MyModel"


def test_a_file_is_imported_once_until_it_changes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    first = class_of(tmp_path)
    assert class_of(tmp_path) is first
    assert imports(tmp_path) == 1
    (tmp_path / "mine.py").write_text(FILE + "# changed\n")
    assert class_of(tmp_path) is not first
    assert [name for name in sys.modules if name == "mine"] == []


def test_a_misspelt_key_gets_the_nearest(home: Path) -> None:
    with pytest.raises(InputError, match=r'model\.max_lenght: MyModel has no key .* did you mean "max_length"'):
        command("run", "-m", home / "mine.py:MyModel", "-d", "synthetic", "--model.max_lenght", 3)


def test_the_page_of_the_model_shows_its_keys_and_what_it_says_of_itself(home: Path) -> None:
    page = command("models", home / "mine.py:MyModel")
    for words in ("SequenceModel", "the state is the newest item, turned", "state_t = W e_t", "model.max_length"):
        assert words in page


@pytest.mark.parametrize(
    "opening",
    [
        ["recommend", "RUN", "--history", "1,2"], ["evaluate", "RUN"], ["samplers", "RUN"], ["run", "--resume", "RUN"],
        ["run", "--recipe", "RUN/recipe.yaml"],
    ],
)  # fmt: skip
def test_no_folder_and_no_file_has_code_run(copy: Path, opening: list[str]) -> None:
    with pytest.raises(InputError, match=r"--trust-code.*models=\[\.\.\]"):
        command(*(word.replace("RUN", str(copy / "run")) for word in opening))
    assert imports(copy) == 0


def test_what_trusts_the_code_opens_the_run(copy: Path) -> None:
    assert "rank" in command("recommend", copy / "run", "--history", "1,2", "-k", 2, "--trust-code")
    assert "full ranking" in command("evaluate", copy / "run", "--trust-code")
    assert "holds this run already" in command("run", "--resume", copy / "run", "--trust-code")
    assert imports(copy) == 1


def test_showing_a_run_needs_no_code(copy: Path) -> None:
    assert " MyModel " in command("show", copy / "run")
    assert imports(copy) == 0


def test_load_takes_the_class(home: Path) -> None:
    opened = load(home / "run", models=[class_of(home)])
    assert len(opened.recommend([["1", "2"]], k=3)[0].items) == 3
    assert opened.recipe.model.kind is class_of(home)
    assert opened.report["test"]


def test_load_refuses_without_a_class_and_with_another(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"would run MyModel of .*mine\.py.*--trust-code.*models=\[\.\.\]"):
        load(home / "run")
    with pytest.raises(InputError, match=r"is of MyModel of .*mine\.py, found in models Hungry"):
        load(home / "run", models=[type("Hungry", (Recommender,), {})])
    (tmp_path / "mine.py").write_text(FILE.replace("W e_t", "W e_{t-1}"))
    with pytest.raises(InputError, match=rf"made with MyModel of {home}.*, and {tmp_path}/mine\.py is another file"):
        load(home / "run", models=[class_of(tmp_path)])


def test_a_file_that_moved_unchanged_is_the_same_code(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "mine.py", tmp_path / "moved.py")
    assert load(home / "run", models=[class_of(tmp_path, "moved.py:MyModel")]).model.max_length == 5


def test_a_changed_file_is_not_even_run(copy: Path) -> None:
    (copy / "mine.py").write_text(FILE.replace("W e_t", "V e_t"))
    for opening in (["evaluate", copy / "run"], ["run", "--resume", copy / "run"]):
        with pytest.raises(InputError, match=r"is another file now.*bring the file of the run back, or train again"):
            command(*opening, "--trust-code")
    assert imports(copy) == 0
    with pytest.raises(InputError, match=r"the file of the model, .*mine\.py, has changed.*--again"):
        command(
            "run", "-m", copy / "mine.py:MyModel", "-d", "synthetic", "--model.max_length", 5, "--out", copy / "run"
        )
    (copy / "mine.py").unlink()
    with pytest.raises(InputError, match=r"mine\.py is gone; put that file back, .*: --code FILE"):
        command("evaluate", copy / "run", "--trust-code")


def test_the_command_is_told_where_a_file_is_now(copy: Path, tmp_path: Path) -> None:
    (moved := tmp_path / "elsewhere").mkdir()
    (copy / "mine.py").rename(moved / "ours.py")
    code = ["--code", moved / "ours.py"]
    assert "full ranking" in command("evaluate", copy / "run", *code)
    assert "rank" in command("recommend", copy / "run", "--history", "1,2", *code)
    assert "midx_pop" in command("samplers", copy / "run", "--users", 5, *code)
    before = {name: (copy / "run" / name).read_bytes() for name in ("model.safetensors", "code.json", "recipe.yaml")}
    (copy / "run/report.json").unlink()
    command("run", "--resume", copy / "run", *code)
    assert before == {name: (copy / "run" / name).read_bytes() for name in before}
    assert imports(moved) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("other.py", r"and .*other\.py is another file now"),
        ("nothing.py", r"nothing\.py is gone; .*--code FILE"),
        ("mine.txt", r"--code .*mine\.txt is no Python file; name the one that holds MyModel"),
    ],
)
def test_a_file_that_is_not_that_of_the_run_is_not_run(copy: Path, code: str, message: str) -> None:
    (copy / "other.py").write_text(FILE + "# changed\n")
    with pytest.raises(InputError, match=message):
        command("recommend", copy / "run", "--history", "1,2", "--code", copy / code)
    assert imports(copy) == 0


def test_code_where_there_is_none_to_find_is_told(tmp_path: Path) -> None:
    list(run(make_recipe({"model": {"name": "MarkovChain"}, "data": {"source": "synthetic"}}), tmp_path / "run"))
    with pytest.raises(InputError, match=r"is of MarkovChain, which is one of ours .*leave --code out"):
        command("evaluate", tmp_path / "run", "--code", "mine.py")
    with pytest.raises(InputError, match=r"--code says where .* --resume continues; here -m mine\.py:CLASS does"):
        command("run", "-d", "synthetic", "--code", "mine.py")


def test_a_recipe_beside_the_file_that_changed_leaves_old_runs_alone(copy: Path) -> None:
    (copy / "MyModel.yaml").write_text("training: {batches: prefix, nonsense: 3}\n")
    assert load(copy / "run", models=[class_of(copy)]).recipe.model.arguments["dim"] == 8
    with pytest.raises(InputError, match=r"training\.nonsense"):
        command("run", "-m", copy / "mine.py:MyModel", "-d", "synthetic")


def test_the_note_must_be_there_and_whole(copy: Path) -> None:
    note = copy / "run/code.json"
    with_path = note.read_text().replace('"class": "', '"class": "/../his.py:')  # beside a file that --code names
    for damage in (
        note.read_text().replace('"class"', '"klass"'),
        "{",
        note.read_text().replace("mine.py", "his.py"),
        with_path,
    ):
        note.write_text(damage)
        with pytest.raises(InputError, match=r"code\.json"):
            load(copy / "run", models=[class_of(copy)])
    note.unlink()
    with pytest.raises(InputError, match=r"code\.json does not exist"):
        command("evaluate", copy / "run", "--trust-code")


def test_weights_of_other_code_are_of_another_run(copy: Path) -> None:
    before = RunFolder(copy / "run").mark()
    note = copy / "run/code.json"
    note.write_text(note.read_text().replace('"sha256": "', '"sha256": "0')[:-1])
    assert RunFolder(copy / "run").mark() != before


def test_an_interrupted_run_is_continued(copy: Path) -> None:
    weights = (copy / "run/model.safetensors").read_bytes()
    (copy / "run/report.json").unlink()
    command("run", "--resume", copy / "run", "--trust-code")
    assert (copy / "run/model.safetensors").read_bytes() == weights
    assert (copy / "run/report.json").exists()


def test_other_code_takes_a_folder_of_its_own(copy: Path) -> None:
    own = own_model(class_of(copy))
    recipe = make_recipe(yaml.safe_load((copy / "run/recipe.yaml").read_text()), models=[own])
    (copy / "run").rename(copy / "MyModel-synthetic")
    assert free_folder(copy, recipe) == copy / "MyModel-synthetic"
    other = recipe.model_copy(update={"model": recipe.model.of(replace(own, sha256="0" * 64))})
    assert free_folder(copy, other) == copy / "MyModel-synthetic-2"
    ours = make_recipe({"model": {"name": "MarkovChain"}, "data": {"source": "synthetic"}})
    assert RunFolder(copy / "MyModel-synthetic").differences(ours)


def test_a_class_that_is_called_as_one_of_ours_stays_apart_from_it(tmp_path: Path) -> None:
    (tmp_path / "flat.py").write_text(COUNTED)
    name = tmp_path / "flat.py:Popularity"
    said = command("run", "-m", name, "-d", "synthetic", "--out", tmp_path / "run", "--mode", "light")
    assert "flat.py:" in said
    assert {" Popularity "} <= {line[:12] for line in said.splitlines()}
    with pytest.raises(InputError, match="two models are called Popularity: one of ours, and a given one"):
        make_recipe({"model": {"name": "Popularity"}}, models=[class_of(tmp_path, "flat.py:Popularity")])


def test_the_audit_takes_it_and_tells_its_versions_apart(tmp_path: Path) -> None:
    from nextitem.analysis.audit import Settings, audited_recipe, plan
    from nextitem.analysis.trials import _claim

    (tmp_path / "mine.py").write_text(FILE)
    settings = Settings(lengths=(1,), parts=("lengths",), seeds=1, draws=1)
    models = [class_of(tmp_path)]
    recipe = audited_recipe("MyModel", "synthetic", settings, {"training": {"epochs": 1}}, models=models)
    trials, _ = plan(recipe, settings)
    assert [one.recipe.model.kind is models[0] for one in trials] == [False, False, True, True]
    assert trials[-1].recipe.model.arguments["max_length"] == 1
    _claim(trials[-1], "data", tmp_path, again=False)
    (tmp_path / "mine.py").write_text(FILE + "# changed\n")
    recipe = audited_recipe("MyModel", "synthetic", settings, models=[class_of(tmp_path)])
    other = replace(trials[-1], recipe=trials[-1].recipe.model_copy(update={"model": recipe.model}))
    with pytest.raises(InputError, match="holds a trial of another recipe"):
        _claim(other, "data", tmp_path, again=False)


def test_a_baseline_is_one_of_ours(home: Path) -> None:
    with pytest.raises(InputError, match=r"a baseline is one of ours, found .*run yours by itself"):
        make_recipe({"evaluation": {"baselines": [f"{home}/mine.py:MyModel"]}})


def test_trust_where_nothing_is_to_be_trusted_is_told() -> None:
    with pytest.raises(InputError, match="--trust-code is for --resume and --recipe"):
        command("run", "-m", "SASRec", "--trust-code")
