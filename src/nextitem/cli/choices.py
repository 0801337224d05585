"""What there is to choose from: models, samplers."""

from __future__ import annotations

from typing import Annotated

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, MovedData, RunPath, console, print_json


def models(
    name: Annotated[str | None, typer.Argument(help="A model's name, or file.py:Class.")] = None, json: AsJson = False
) -> None:
    """List the models, or show one: what it is, its paper, its arguments and their defaults."""
    from nextitem.report.models import facts_of, facts_of_all, model_page, models_table

    if json:
        print_json(facts_of_all() if name is None else facts_of(name))
        return
    console().print(models_table() if name is None else model_page(name))


def samplers(
    folder: RunPath,
    users: Annotated[int, typer.Option(min=1, help="Validation users to average over.")] = 300,
    draws: Annotated[int, typer.Option(min=1, help="Draws a user.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of users, codebooks and draws.")] = 0,
    data: MovedData = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """How near each negative sampler comes to the softmax of a finished run's scores."""
    from nextitem.report.samplers import compare_samplers, samplers_table

    found = compare_samplers(folder, users, draws, seed, data, code_of_run(folder, trust_code, code))
    if json:
        print_json(found)
    else:
        console().print(samplers_table(found))
