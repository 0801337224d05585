"""Keys by signature: the arguments of a constructor or a function are what a recipe may say of it.

So a new model, loss, sampler or kind of batches brings its keys, their types and defaults with it, and nothing lists
them a second time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from nextitem.errors import InputError, suggest

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
AboveZero = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

T = TypeVar("T")
REQUIRED = inspect.Parameter.empty  # the default of a key that someone must give


@dataclass(frozen=True)
class Key:
    """An argument that a recipe may set: its name, its type, and its default or REQUIRED."""

    name: str
    type: Any
    default: Any


def keys_of(maker: Callable[..., Any], known: Collection[str] = (), keyword_only: bool = False) -> dict[str, Key]:
    """The arguments of `maker` but those that its caller knows, such as sizes of the data.

    >>> def loss(positive, negative, *, margin: float = 2.0): ...
    >>> keys_of(loss, keyword_only=True)["margin"].default
    2.0
    """
    function: Any = maker.__init__ if isinstance(maker, type) else maker  # type: ignore[misc]
    types = get_type_hints(function, include_extras=True)
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name not in ("self", *known)]
    chosen = [one for one in parameters if one.kind is one.KEYWORD_ONLY or not keyword_only]
    return {one.name: Key(one.name, types.get(one.name, Any), one.default) for one in chosen}


def named(what: str, name: str, table: Mapping[str, T], also: Collection[str] = ()) -> T:
    """The entry of a name; `what` begins the error where there is none, `also` are other names that may be meant.

    >>> named("there is no colour", "red", {"red": 1})
    1

    Raises:
        InputError: no entry has this name; the nearest one is named.
    """
    if name not in table:
        raise InputError(f'{what} "{name}"; {suggest(name, [*also, *table])}')
    return table[name]


def defaults_of(keys: Mapping[str, Key]) -> dict[str, Any]:
    """The values of the keys that nobody must give."""
    return {one.name: one.default for one in keys.values() if one.default is not REQUIRED}


def check_keys(section: str, owner: str, keys: Mapping[str, Key], given: Mapping[str, Any]) -> dict[str, Any]:
    """All `keys` of the `owner`, with the `given` values, checked and turned to their types, else by default.

    Raises:
        InputError: a key that it does not have, a value of the wrong type or out of range, or a required key that
            nobody gave.
    """
    for name, value in given.items():
        if name not in keys:
            others = suggest(name, keys) if keys else "it has no keys"
            raise InputError(f'{section}.{name}: {owner} has no key "{name}", found {value!r}; {others}')
    missing = [one.name for one in keys.values() if one.default is REQUIRED and one.name not in given]
    if missing:
        raise InputError(f"{section}.{missing[0]}: {owner} needs a value for it, and has no default; give one")
    return {one.name: _checked(section, one, given[one.name]) if one.name in given else one.default
            for one in keys.values()}  # fmt: skip


def is_list(annotation: Any) -> bool:
    """Whether values of this type are several: `tuple[int, ...]`, `list[str]`, or such a one or None.

    >>> is_list(tuple[int, ...] | None), is_list(Annotated[int, "at least 1"]), is_list(str)
    (True, False, False)
    """
    if get_origin(annotation) is Annotated:
        return is_list(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(is_list(one) for one in get_args(annotation))
    return (get_origin(annotation) or annotation) in (tuple, list, Sequence)


def split_at_commas(text: str) -> list[Any]:
    """What is typed as `64,32` for a key that takes several values, each read as YAML.

    >>> split_at_commas("64, 32"), split_at_commas("hr@10")
    ([64, 32], ['hr@10'])
    """
    return [yaml.safe_load(one) for one in text.split(",") if one.strip()]


def _checked(section: str, key: Key, value: Any) -> Any:
    if isinstance(value, str) and is_list(key.type):
        value = split_at_commas(value)
    try:
        return TypeAdapter(key.type, config=ConfigDict(strict=False, allow_inf_nan=False)).validate_python(value)
    except ValidationError as error:
        raise InputError(f"{section}.{key.name}: {error.errors()[0]['msg']}; found {value!r}") from error
