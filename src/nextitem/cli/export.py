"""`nextitem export`: a finished run as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, RunPath, console, print_json


def export(
    folder: RunPath,
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="FILE",
            help="bundle.zip: all that `load` needs; model.onnx or model.pt2 (torch.export): a graph.",
        ),
    ],
    histories: Annotated[bool, typer.Option("--histories", help="With what each user has met: personal data.")] = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
    json: AsJson = False,
) -> None:
    """Write a finished run into one file: a bundle (weights, recipe, ids, report, a card) to hand over, or a graph.

    Commands that take a run take a bundle in its place, and so does nextitem.load in Python. A .onnx or
    .pt2 file goes from indices of items (or of users) to scores, as the model does: it is compared with it before it
    appears."""
    from nextitem.runs.asking.recommend import load
    from nextitem.runs.export.exporting import check_ending

    check_ending(to, histories)
    load(folder, models=code_of_run(folder, trust_code, code)).export(to, histories=histories)
    if json:
        print_json({"file": to, "bytes": to.stat().st_size, "histories": histories})
        return
    personal = "; it holds what each user has met: personal data" if histories else ""
    console().print(f"{to}: {to.stat().st_size:,} bytes{personal}", highlight=False, soft_wrap=True)
