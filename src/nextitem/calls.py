"""Calls: what the code of a function may call, found without running it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any


def named_in(function: Callable[..., Any]) -> Iterator[Any]:
    """All that the code of a function may call: by a name, of its module or around it, or as a part of a module."""
    names = set(_names_of(function.__code__))
    yield from inspect.getclosurevars(function).nonlocals.values()
    for name in names:
        one = function.__globals__.get(name)
        yield one
        if isinstance(one, ModuleType):
            yield from (vars(one)[other] for other in names if other in vars(one))


def _names_of(code: CodeType) -> Iterator[str]:
    """Of code and of what it defines inside."""
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names_of(one)
