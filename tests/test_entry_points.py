"""Models that an installed distribution brings, by entry point and by module."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from own_files import FILE, command, imports

from nextitem.errors import InputError
from nextitem.models.asking import asked
from nextitem.recipe import make_recipe
from nextitem.runs.asking.recommend import load


def install(folder: Path, package: str, points: dict[str, str], version: str = "1.0") -> None:
    """What an installer leaves of a distribution: its metadata, and a package."""
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[nextitem.models]\n{lines}")
    (folder / package).mkdir(exist_ok=True)
    (folder / package / "__init__.py").write_text("")
    (folder / package / "mine.py").write_text(FILE)
    (folder / package / "MyModel.yaml").write_text("model: {dim: 4}\ntraining: {epochs: 1}\n")


def test_an_entry_point_is_a_model_that_is_imported_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "brought_one", {"Brought": "brought_one.mine:MyModel"})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "brought_one 1.0" in command("models")
    with pytest.raises(InputError, match=r"the model Brought is code that brought_one 1\.0 brings.* -m Brought"):
        make_recipe({"model": {"name": "Brought"}})
    assert imports(tmp_path / "brought_one") == 0
    command("run", "-m", "Brought", "-d", "synthetic", "--out", tmp_path / "run", "--mode", "light")
    assert imports(tmp_path / "brought_one") == 1
    note = json.loads((tmp_path / "run/code.json").read_text())
    assert (note["name"], note["class"], note["distribution"], note["version"]) == (
        "Brought", "MyModel", "brought_one", "1.0",
    )  # fmt: skip
    assert yaml.safe_load((tmp_path / "run/recipe.yaml").read_text())["model"]["dim"] == 4
    with pytest.raises(InputError, match="--trust-code"):
        load(tmp_path / "run")
    assert "rank" in command("recommend", tmp_path / "run", "--history", "1,2", "--trust-code")
    given = sys.modules["brought_one.mine"].MyModel
    assert load(tmp_path / "run", models=[given]).recipe.model.name == "Brought"
    shutil.rmtree(tmp_path / "brought_one-1.0.dist-info")
    with pytest.raises(InputError, match=r"is gone; install it again \(it was of brought_one 1\.0\)"):
        command("evaluate", tmp_path / "run", "--trust-code")


def test_a_module_of_a_distribution_is_noted_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "brought_two", {})
    (tmp_path / "brought_two-1.0.dist-info/top_level.txt").write_text("brought_two\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = asked("brought_two.mine:MyModel")
    assert own is not None
    assert (own.name, own.distribution, own.version) == ("brought_two.mine:MyModel", "brought_two", "1.0")
    with pytest.raises(InputError, match=r"there is no module brought_two\.his here"):
        asked("brought_two.his:MyModel")


@pytest.mark.parametrize(
    ("name", "others", "message"),
    [
        ("Twice", {"Twice": "brought_four:B"}, r"2 entry points are called Twice: brought_\w+ 1\.0 .* and brought_"),
        ("SASRec", {}, "two models are called SASRec: one of ours, and an entry point of brought_three 1.0"),
    ],
)
def test_entry_points_of_one_name_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, others: dict[str, str], message: str
) -> None:
    install(tmp_path / "a", "brought_three", {name: "brought_three.mine:MyModel"})
    install(tmp_path / "b", "brought_four", others)
    monkeypatch.syspath_prepend(str(tmp_path / "a"))
    monkeypatch.syspath_prepend(str(tmp_path / "b"))
    with pytest.raises(InputError, match=message):
        command("run", "-m", name, "-d", "synthetic")
    assert imports(tmp_path / "a/brought_three") == 0
