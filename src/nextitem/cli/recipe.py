"""`nextitem recipe`: every key that a run would use, explained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from nextitem.cli.keys import layers_of, recipe_of, split_given
from nextitem.cli.shared import AsJson, print_json


def recipe(
    context: typer.Context,
    model: Annotated[str | None, typer.Option("-m", "--model", help="A model's name [SASRec].")] = None,
    data: Annotated[
        str | None, typer.Option("-d", "--data", help="A data set's name, a file or a folder [ml-100k].")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="A recipe file (YAML) under the other options.")] = None,
    like: Annotated[Literal["recstudio"] | None, typer.Option(help="As of nextitem run.")] = None,
    json: AsJson = False,
) -> None:
    """Print every key that `nextitem run` would use for a model and data, with a line on what it is.

    It takes what run takes (`nextitem recipe clicks.csv -m GRU4Rec --epochs 20`), and its output is a recipe file:
    nextitem recipe -m GRU4Rec > mine.yaml, then nextitem run --recipe mine.yaml. Nothing is trained; a file of data is
    read where its size has a say.
    """
    from nextitem.recipe import read_layer
    from nextitem.report.recipe import explained
    from nextitem.runs.parts.build import suited_to_data

    source, typed = split_given(context, data)
    named, keys = layers_of(context, {"model.name": model, "data.source": source, "like": like}, typed)
    found = recipe_of(read_layer(recipe) if recipe else {}, named, keys)
    found, told = suited_to_data(found) if os.path.exists(found.data.source) else (found, ())
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        print(*(f"# {line}\n" for line in told), explained(found), sep="", end="")
