"""Asked for: from the name of a model of the user's own to its class, whose code runs then.

| name                          | where the class is                                         |
|-------------------------------|------------------------------------------------------------|
| `path/to/file.py:MyModel`     | in that file                                               |
| `package.module:MyModel`      | in a module that Python finds                              |
| `MyModel`                     | where an entry point of the group `nextitem.models` leads  |

This is called with what a user typed into this very command, or said to trust, and never with what a file says.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, packages_distributions, version
from pathlib import Path
from types import ModuleType

from nextitem.errors import InputError, suggest
from nextitem.models.base import Recommender
from nextitem.models.catalogue import is_ours
from nextitem.models.importing import import_file, told
from nextitem.models.installed import GROUP, brought_by, installed
from nextitem.models.own import OwnModel, absolute, described


def asked(name: str) -> OwnModel | None:
    """The class of the user's own that a name leads to, whose code runs now; None where the name leads to none, such as
    that of one of ours.

    Raises:
        InputError: there is no such file, module or class, it raises on import, or is no model that a recipe can make;
            an entry point has the name of another, or of one of ours.
    """
    source, _, class_name = name.rpartition(":")
    if source.endswith(".py"):
        name = absolute(name)
        module = import_file(Path(name.rpartition(":")[0]))
        return described(name, _class_in(module, class_name, name))
    if source:
        return _of_module(name, EntryPoint(class_name, name, GROUP))
    if name.endswith(".py"):
        raise InputError(f"model {name} is a file; name the class in it too: -m {name}:MyModel")
    points = installed().get(name, [])
    if points and is_ours(name):
        raise InputError(
            f"two models are called {name}: one of ours, and an entry point of {brought_by(points[0])}; name "
            f"that one by its module, -m {points[0].value}, or remove its distribution"
        )
    if len(points) > 1:
        which = " and ".join(f"{brought_by(one)} ({one.value})" for one in points)
        raise InputError(
            f"{len(points)} entry points are called {name}: {which}; name one by its module, -m MODULE:CLASS"
        )
    return _of_module(name, points[0]) if points else None


def _of_module(name: str, point: EntryPoint) -> OwnModel:
    if not all(part.isidentifier() for part in point.value.partition(":")[0].strip().split(".")):
        raise InputError(
            f"model {name} leads nowhere: a class is named path/to/file.py:MyModel or package.module:MyModel"
        )
    try:
        module = import_module(point.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{point.module}.".startswith(f"{error.name}."):
            raise InputError(f"{point.module}, which model {name} is in, cannot be imported: {told(error)}") from error
        raise InputError(
            f"model {name}: there is no module {error.name} here; install it, put its folder into PYTHONPATH, or name "
            "a file: path/to/file.py:MyModel"
        ) from error
    except (Exception, SystemExit) as error:  # of the user's code: any there is
        raise InputError(f"{point.module}, which model {name} is in, cannot be imported: {told(error)}") from error
    try:
        found = point.load()
    except AttributeError as error:
        raise InputError(f"{name}: {_no_class(point.module, point.attr, module)}") from error
    brought = (point.dist.name, point.dist.version) if point.dist else _distribution(point.module)
    return described(name, _checked(found, name), *brought)


def _distribution(module: str) -> tuple[str | None, str | None]:
    """Name and version of the distribution that brings a module, if one does."""
    names = packages_distributions().get(module.partition(".")[0], [])
    return (names[0], version(names[0])) if names else (None, None)


def _class_in(module: ModuleType, class_name: str, name: str) -> type[Recommender]:
    if class_name not in vars(module):
        raise InputError(_no_class(str(module.__file__), class_name, module))
    model = _checked(vars(module)[class_name], name)
    if model.__module__ != module.__name__:
        raise InputError(
            f"{name}: the class stands in another file, and is only imported here; name it there, as "
            f"{model.__module__}:{model.__name__}"
        )
    return model


def _no_class(place: str, class_name: str, module: ModuleType) -> str:
    models = [key for key, one in vars(module).items() if isinstance(one, type) and issubclass(one, Recommender)]
    return f'{place} has no class "{class_name}"; {suggest(class_name, models) if models else "it has no model at all"}'


def _checked(found: object, name: str) -> type[Recommender]:
    if not isinstance(found, type) or not issubclass(found, Recommender):
        what = "a class of another kind" if isinstance(found, type) else f"a {type(found).__name__}"
        raise InputError(
            f"{name} is {what}, and a model is a class that inherits nextitem.models.base.Recommender, or a kind of "
            "it: SequenceModel, TwoTower, TowerFree, Fitted, .."
        )
    return found
