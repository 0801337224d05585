"""From what is typed after `nextitem run` and `nextitem recipe` to a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from nextitem.cli.code import code_asked_for, model_name
from nextitem.cli.shared import own_options
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.recipe import Layer, Recipe


def split_given(context: typer.Context, data: str | None) -> tuple[str | None, list[str]]:
    """The data, by its place among the arguments or by --data, and what was typed of keys."""
    from nextitem.recipe.options import split_source

    source, typed = split_source(context.args)
    if source is not None and data is not None:
        raise InputError(f"the data is given twice, as {source!r} and as --data {data!r}; leave one of them out")
    return source or data, typed


def layers_of(context: typer.Context, options: dict[str, Any], typed: list[str]) -> tuple[Layer, Layer]:
    """What the command's own options say, by key, and what the typed keys say; both may not say of one key."""
    from nextitem.recipe.commands import RUN, refuse_twice
    from nextitem.recipe.options import layer_of, parse_keys

    named = layer_of({key: value for key, value in options.items() if value is not None})
    keys = parse_keys(typed, RUN, own_options(context))
    refuse_twice(named, keys)
    return named, keys


def recipe_of(file: Layer, named: Layer, keys: Layer, *, trusts_file: bool = False) -> Recipe:
    """The recipe of these layers; the code of a model runs if it was typed, or if the file that names it is trusted."""
    from nextitem.recipe import make_recipe

    typed = model_name(named, keys)
    return make_recipe(file, named, keys, models=code_asked_for(typed or (model_name(file) if trusts_file else None)))
