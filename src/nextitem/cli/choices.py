"""What there is to choose from: models, samplers."""

from __future__ import annotations

from typing import Annotated

import typer

from nextitem.cli.code import TrustCode, code_of_run
from nextitem.cli.shared import MovedData, RunPath, console


def models(
    name: Annotated[str | None, typer.Argument(help="A model's name, or file.py:Class.")] = None,
) -> None:
    """List the models, or show one: what it is, its paper, its arguments and their defaults."""
    from nextitem.report.models import model_page, models_table

    console().print(models_table() if name is None else model_page(name))


def samplers(
    folder: RunPath,
    users: Annotated[int, typer.Option(min=1, help="Validation users to average over.")] = 300,
    draws: Annotated[int, typer.Option(min=1, help="Draws a user.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of users, codebooks and draws.")] = 0,
    data: MovedData = None,
    trust_code: TrustCode = False,
) -> None:
    """How near each negative sampler comes to the softmax of a finished run's scores."""
    from nextitem.report.samplers import compare_samplers, samplers_table

    models = code_of_run(folder, trust_code)
    console().print(samplers_table(compare_samplers(folder, users, draws, seed, data, models)))
