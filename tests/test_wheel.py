"""The sdist holds all that the wheel is made of, and the wheel all that a run needs, outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("setuptools") is None:
        pytest.skip("no setuptools, which makes both")
    folder = tmp_path_factory.mktemp("sdist")
    source = folder / "source"  # a build leaves files beside the sources
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "src"):
        (source / name).symlink_to(ROOT / name)
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    return next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is made of the sdist, as `python -m build` makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(folder), str(sdist)], check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, *arguments: str, place: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(unpacked), "HOME": str(place)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_file_of_the_package_is_in_it(unpacked: Path) -> None:
    package = ROOT / "src" / "nextitem"
    wanted = {
        path.relative_to(package)
        for path in package.rglob("*")
        if path.suffix in (".py", ".pyi", ".yaml", ".html", ".css", ".js")
    }
    found = {path.relative_to(unpacked / "nextitem") for path in (unpacked / "nextitem").rglob("*") if path.is_file()}
    assert wanted - found == set()
    assert Path("py.typed") in found


def test_the_sdist_has_what_it_says_of_itself(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} <= found


def test_its_recipes_are_found_outside_the_repository(unpacked: Path, tmp_path: Path) -> None:
    place = run(unpacked, "-c", "import nextitem; print(nextitem.__file__)", place=tmp_path)
    assert place.strip() == str(unpacked / "nextitem" / "__init__.py")
    command = ["-m", "nextitem", "recipe", "ml-100k", "-m", "BPR", "--like", "recstudio"]
    assert "kind: user_entry" in run(unpacked, *command, place=tmp_path)


@pytest.mark.slow  # it compiles what ranks anew
def test_it_runs_outside_the_repository(unpacked: Path, tmp_path: Path) -> None:
    command = ["-m", "nextitem", "run", "synthetic", "-m", "MarkovChain", "--like", "recstudio"]
    assert "MarkovChain" in run(unpacked, *command, place=tmp_path)
    assert (tmp_path / "runs" / "MarkovChain-synthetic" / "report.json").is_file()
