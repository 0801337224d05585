"""A whole recipe as a YAML file that explains itself: every key that a run would use, with a line on what it is."""

from __future__ import annotations

from textwrap import wrap
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from nextitem.data.batches import batch_keys
from nextitem.keys import Key
from nextitem.models.catalogue import arguments
from nextitem.recipe import Recipe

WIDTH = 100  # of a line of explanation


def explained(recipe: Recipe) -> str:
    """The recipe, which `--recipe FILE` reads again."""
    lines = [f"seed: {recipe.seed}"]
    for name in Recipe.model_fields:
        section = getattr(recipe, name)
        if isinstance(section, BaseModel):
            lines += ["", f"{name}:", *_section(section, _types(name, recipe))]
        elif section is None:
            lines += ["", f"# {recipe.model.label} takes no {name} keys."]
    return "\n".join(lines) + "\n"


def _types(section: str, recipe: Recipe) -> dict[str, Key]:
    """Of the keys that no section lists: those of the model and of its batches."""
    if section == "model":
        return arguments(recipe.model.kind)
    return batch_keys(recipe.training.batches) if section == "training" and recipe.training else {}


def _section(section: BaseModel, types: dict[str, Key]) -> list[str]:
    lines = []
    fields = type(section).model_fields
    for key, value in section.model_dump(mode="json").items():
        if key in fields:
            said, choices = fields[key].description or "", _choices(fields[key].annotation)
        else:
            said, choices = "", _choices(types[key].type) if key in types else []
        told = f"{said} One of {', '.join(choices)}." if choices else said
        lines += [f"  # {line}" for line in wrap(told, WIDTH)]
        shown = yaml.safe_dump({key: value}, allow_unicode=True, default_flow_style=True, width=10_000).strip()
        lines.append(f"  {shown.removeprefix('{').removesuffix('}')}")
    return lines


def _choices(annotation: Any) -> list[str]:
    """The words that a key may be, if they are few and known."""
    origin = get_origin(annotation)
    if origin is Literal:
        return [str(one) for one in get_args(annotation)]
    if origin is Annotated:
        return _choices(get_args(annotation)[0])
    if origin in (Union, UnionType):
        members = [one for one in get_args(annotation) if one is not NoneType]
        return _choices(members[0]) if len(members) == 1 else []
    return []
