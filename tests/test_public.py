"""The public door: all that there is by its name, said in whole sentences, under types that say something."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import nextitem as ni
from nextitem.models.catalogue import MODELS
from nextitem.nn.losses.by_name import LOSSES

ROOMS = ("batches", "hub", "losses", "models", "spark", "split")


def public() -> dict[str, object]:
    """Everything that a user can name: `fit`, `models.NCF`, .."""
    names = {name: getattr(ni, name) for name in ni.__all__ if name not in ROOMS}
    for room in (getattr(ni, name) for name in ROOMS):
        names |= {
            f"{room.__name__.partition('.')[2]}.{name}": getattr(room, name) for name in dir(room) if name[0] != "_"
        }
    return names


def members(owner: type) -> Iterator[tuple[str, Any]]:
    """What our own classes offer: their constructor, methods and properties; tests are named by whole sentences."""
    for base in owner.__mro__:
        for name, found in vars(base).items() if base.__module__.startswith("nextitem") else ():
            function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
            is_public = name == "__init__" or not name.startswith(("_", "test_"))
            if is_public and inspect.isfunction(function) and function.__module__.startswith("nextitem"):
                yield name, function


PUBLIC = public()
FUNCTIONS = {name: found for name, found in PUBLIC.items() if inspect.isfunction(found)}
CLASSES = {name: found for name, found in PUBLIC.items() if isinstance(found, type)}


def test_every_public_name_is_a_function_a_class_or_a_room() -> None:
    assert set(FUNCTIONS) | set(CLASSES) == set(PUBLIC)
    assert all(isinstance(getattr(ni, room), ModuleType) for room in ROOMS)


def test_every_model_has_its_name_in_models() -> None:
    assert dir(ni.models) == sorted(MODELS)
    assert {name: getattr(ni.models, name) for name in MODELS} == MODELS
    assert {name: model.__name__ for name, model in MODELS.items()} == {name: name for name in MODELS}


def test_every_model_of_the_package_is_in_the_list() -> None:
    """What a family's models share, such as the edges of a graph, stands beside them, and is no model."""
    folder = Path(inspect.getfile(ni.models)).parent
    kinds = ("general", "knowledge", "sequential", "social")
    modules = [
        import_module(f"nextitem.models.{kind}.{path.stem}") for kind in kinds for path in (folder / kind).glob("*.py")
    ]
    found = {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, ni.Recommender) and one.__module__ == module.__name__
    }
    shared = {base for model in MODELS.values() for base in model.__mro__[1:]}
    assert found - shared == set(MODELS.values()) - shared


def test_every_loss_has_its_name_in_losses() -> None:
    assert {name: getattr(ni.losses, name) for name in LOSSES} == {name: one.function for name, one in LOSSES.items()}


def test_type_checkers_see_the_names_that_there_are() -> None:
    tree = ast.parse(Path(ni.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {one.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for one in node.names}
    assert sorted(seen) == ni.__all__
    assert {name: f"nextitem.{home}" for name, home in ni._HOMES.items()} | dict.fromkeys(ROOMS, "nextitem") == seen


def test_dir_is_complete() -> None:
    assert set(dir(ni)) == {*ni.__all__, "__version__"}


def test_the_version_is_that_of_the_package() -> None:
    assert ni.__version__ == version("nextitem")


@pytest.mark.parametrize("place", [ni, ni.models])
def test_what_is_not_there_is_an_attribute_error(place: object) -> None:
    with pytest.raises(AttributeError, match="SASRek"):
        place.SASRek  # type: ignore[attr-defined]  # noqa: B018


def test_a_model_is_loaded_when_it_is_used() -> None:
    code = "import sys, nextitem as ni; ni.models, dir(ni); assert 'torch' not in sys.modules; ni.models.BPR; "
    code += "print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def is_whole(text: str | None) -> bool:
    """Whether a docstring says something by itself: a sentence that begins and ends, of more than a word or two."""
    first = (text or "").strip().partition("\n\n")[0]
    begins = first[:1].isupper() or first.startswith(("`", "gBCE"))
    leans = first.startswith(("The same", "See `", "As `", "Of ", "Raises"))
    return len(first.split()) >= 4 and begins and not leans and first.rstrip()[-1] in ".:"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_says_what_it_is(name: str) -> None:
    found = PUBLIC[name]
    assert is_whole(found.__doc__), found.__doc__
    for member, function in members(found) if isinstance(found, type) else ():
        if member != "__init__":
            text = inspect.getdoc(getattr(found, member)) if function.__doc__ is None else function.__doc__
            assert is_whole(text), f"{name}.{member}: {text}"


def names_of(found: object) -> dict[str, Any]:
    """What the modules of a class and of its bases know: the fields of a base are written in the words of its own."""
    bases = reversed(found.__mro__) if isinstance(found, type) else [found]
    frames = dict.fromkeys(("IntoDataFrame", "IntoLazyFrame"), object)  # which older narwhals name by text
    return frames | {name: one for base in bases for name, one in vars(sys.modules[base.__module__]).items()}


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_argument_takes_anything(name: str) -> None:
    """No `Any`, and no bundle of options that nothing names; JSON and frames may hold what they like."""
    found = PUBLIC[name]
    functions: list[tuple[str, Any]] = list(members(found)) if isinstance(found, type) else [("", found)]
    for member, function in functions:
        hints = get_type_hints(function, names_of(found))
        hints.pop("return", None)
        loose = {one for one, hint in hints.items() if hint is Any or Any in typing.get_args(hint)}
        bundles = {one.name for one in inspect.signature(function).parameters.values() if one.kind is one.VAR_KEYWORD}
        # Of Batch.of: its own fields; of make: the arguments of the model that it names.
        assert loose | bundles <= {"more", "arguments"}, f"{name}.{member}"
