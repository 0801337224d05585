"""`nextitem recipe`: every key that a run would use, explained."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from nextitem.cli.code import code_asked_for, model_name
from nextitem.cli.shared import AsJson, own_options, print_json
from nextitem.errors import InputError


def recipe(
    context: typer.Context,
    model: Annotated[str | None, typer.Option("-m", "--model", help="A model's name [SASRec].")] = None,
    data: Annotated[
        str | None, typer.Option("-d", "--data", help="A data set's name, a file or a folder [ml-100k].")
    ] = None,
    like: Annotated[Literal["recstudio"] | None, typer.Option(help="As of nextitem run.")] = None,
    json: AsJson = False,
) -> None:
    """Print every key that `nextitem run` would use for a model and data, with a line on what it is.

    It takes what run takes (`nextitem recipe clicks.csv -m GRU4Rec --epochs 20`), and its output is a recipe file:
    nextitem recipe -m GRU4Rec > mine.yaml, then nextitem run --recipe mine.yaml. Nothing is read or trained.
    """
    from nextitem.recipe import make_recipe
    from nextitem.recipe.commands import RUN, refuse_twice
    from nextitem.recipe.options import layer_of, parse_keys, split_source
    from nextitem.report.recipe import explained

    source, typed = split_source(context.args)
    if source is not None and data is not None:
        raise InputError(f"the data is given twice, as {source!r} and as --data {data!r}; leave one of them out")
    options = {"model.name": model, "data.source": source or data, "like": like}
    named = layer_of({key: value for key, value in options.items() if value is not None})
    keys = parse_keys(typed, RUN, own_options(context))
    refuse_twice(named, keys)
    found = make_recipe(named, keys, models=code_asked_for(model_name(named, keys)))
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        print(explained(found), end="")
