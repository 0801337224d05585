"""The models by name: `nextitem.models.SASRec`. They are loaded when the first of them is used.

`names.py` lists them for Python; `__init__.pyi` takes the list over for type checkers and editors.
"""

from __future__ import annotations

from importlib import import_module


def __getattr__(name: str) -> object:
    if name == "__all__":
        return __dir__()
    if name.startswith("_") or name not in __dir__():  # Python and its tools ask every module for underscored names
        raise AttributeError(f"module 'nextitem.models' has no attribute {name!r}")
    return vars(import_module("nextitem.models.names"))[name]


def __dir__() -> list[str]:
    return sorted(name for name in vars(import_module("nextitem.models.names")) if not name.startswith("_"))
