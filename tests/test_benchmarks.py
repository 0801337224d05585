"""The benchmark scripts, which no test runs, take from the package what is there."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent.parent / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_name_that_a_script_imports_exists(script: Path) -> None:
    nodes = ast.walk(ast.parse(script.read_text(encoding="utf-8")))
    imports = [(node.module or "", node.names) for node in nodes if isinstance(node, ast.ImportFrom)]
    named = [(module, one.name) for module, names in imports for one in names if module.startswith("nextitem")]
    assert [name for module, name in named if not has(module, name)] == []


def has(module: str, name: str) -> bool:
    """Whether it is in a module, or a module of its own in a package."""
    home = import_module(module)
    return hasattr(home, name) or (hasattr(home, "__path__") and find_spec(f"{module}.{name}") is not None)


def test_the_page_of_boards_is_what_the_results_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS[0].parent)
    pages = import_module("pages")
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(), "run python benchmarks/pages.py"
    assert pages.README.read_text(encoding="utf-8") == pages.readme(), "run python benchmarks/pages.py"


def test_the_readme_is_short_and_names_every_script_once() -> None:
    page = (SCRIPTS[0].parent / "README.md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= 120
    assert {script.name: len(re.findall(rf"\b{script.name}\b", page)) for script in SCRIPTS} == {
        script.name: 1 for script in SCRIPTS
    }
