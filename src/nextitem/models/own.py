"""Models of the user's own: a class at hand, the name that recipes have for it, and what tells it from another."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import is_ours
from nextitem.models.importing import PREFIX, ContentLoader, read_code
from nextitem.models.notebooks import text_of

PLAIN = (bool, int, float, str, type(None))  # what a recipe can write down, and lists and mappings of it


@dataclass(frozen=True)
class OwnModel:
    """A class of the user's own, under the name that recipes have for it."""

    name: str  # with the absolute path of a file, so that it is found again
    model: type[Recommender]
    path: Path | None  # the file that holds the class; None of a notebook
    sha256: str  # of that file, as it was imported; of a notebook that of the text of the class
    distribution: str | None = None  # that brought it, where one did
    version: str | None = None


Given = OwnModel | type[Recommender]


def label(name: str) -> str:
    """A model's name in tables and sentences: the class, and its file or module where one of ours is called so too.

    >>> label("/models/mine.py:MyModel"), label("/models/mine.py:SASRec"), label("SASRec")
    ('MyModel', 'mine.py:SASRec', 'SASRec')
    """
    class_name = name.rpartition(":")[2]
    return Path(name).name if is_ours(class_name) else class_name


def absolute(name: str) -> str:
    """A name with the path of its file made absolute; others as they are.

    >>> absolute("/models/../mine.py:MyModel"), absolute("package.module:MyModel")
    ('/mine.py:MyModel', 'package.module:MyModel')
    """
    source, _, class_name = name.rpartition(":")
    return f"{os.path.abspath(os.path.expanduser(source))}:{class_name}" if source.endswith(".py") else name


def own_model(model: type[Recommender]) -> OwnModel:
    """A class at hand, named by the file or the module that holds it.

    Raises:
        InputError: it stands in no file and no notebook, or not at the top of one, or a recipe cannot make it.
    """
    file = _file_of(model)
    if file is None:
        text_digest(model)  # or there is none
    if vars(sys.modules[model.__module__]).get(model.__name__) is not model:
        place = file or "its notebook"
        raise InputError(f"{model.__qualname__} must stand at the top of {place}, to be found again by its name")
    is_of_file = model.__module__ == "__main__" or model.__module__.startswith(PREFIX)
    source = file if file is not None and is_of_file else model.__module__
    return described(f"{source}:{model.__name__}", model)


def among(name: str, models: Sequence[Given]) -> OwnModel | None:
    """That of `models` which a recipe's `name` means, in full or by the name of the class.

    Raises:
        InputError: one of ours has that name too.
    """
    class_name = name.rpartition(":")[2]
    for one in models:
        if isinstance(one, type) and one.__name__ != class_name:
            continue
        own = one if isinstance(one, OwnModel) else own_model(one)
        if absolute(name) != own.name and name != own.model.__name__:
            continue
        if is_ours(name):
            raise InputError(f"two models are called {name}: one of ours, and a given one; name that {own.name}")
        return own
    return None


def described(name: str, model: type[Recommender], *brought: str | None) -> OwnModel:
    _refuse_signature(model)
    path = _file_of(model)
    if path is None:
        return OwnModel(name, model, None, text_digest(model))
    spec = sys.modules[model.__module__].__spec__
    loader = None if spec is None else spec.loader
    digest = loader.sha256 if isinstance(loader, ContentLoader) else sha256(read_code(path)).hexdigest()
    return OwnModel(name, model, path, digest, *brought)


def text_digest(model: type[Recommender]) -> str:
    """The SHA-256 of the text of a class alone, wherever it stands.

    Raises:
        InputError: Python does not keep it, as it does of a file or a notebook.
    """
    text = text_of(model)
    if text is None:
        raise InputError(
            f"{model.__name__} stands in no file (of {model.__module__}), nor is its text kept as that of a notebook's "
            "cell is; write it into a file, so that a run can say which code it is of"
        )
    return sha256(text.encode()).hexdigest()


def _file_of(model: type[Recommender]) -> Path | None:
    module = sys.modules.get(model.__module__)
    file = None if module is None else vars(module).get("__file__")
    return None if file is None else Path(os.path.abspath(file))


def _refuse_signature(model: type[Recommender]) -> None:
    """Raises InputError where its constructor takes what a recipe cannot say."""
    function: Any = model.__init__
    try:
        get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError) as error:
        raise InputError(f"{model.__name__}: the types of its arguments cannot be read ({error})") from error
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
    for one in parameters:
        what = f"{model.__name__}: the argument {one} of its constructor"
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            raise InputError(f"{what} has no name that a recipe could give; write its arguments out by name")
        if one.name == "name":
            raise InputError(f"{what} has the name of the model's own key, model.name; rename it")
        if one.default is not one.empty and not _is_plain(one.default):
            raise InputError(f"{what} has a default that a recipe cannot write down; take a number, text, list or null")


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    return all(map(_is_plain, value)) if isinstance(value, list | tuple) else isinstance(value, PLAIN)
