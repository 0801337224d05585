"""`nextitem compare`: finished runs of the same data in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nextitem.cli.shared import AsJson, console, print_json
from nextitem.errors import InputError

SUFFIXES = {".md": "md", ".tex": "latex", ".csv": "csv", ".html": "html"}


def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Run folders, or folders of them, such as of the seeds of one.")
    ],
    metrics: Annotated[str | None, typer.Option(help="Any, at any k: ndcg@10,recall@100 [ndcg@10,hr@10].")] = None,
    against: Annotated[str | None, typer.Option(help="The reference: a model's name or a folder [the first].")] = None,
    test: Annotated[
        Literal["t", "wilcoxon", "randomisation"], typer.Option(help="t, wilcoxon or randomisation: of the p values.")
    ] = "t",
    part: Annotated[Literal["test", "valid"], typer.Option(help="test or valid: which cases.")] = "test",
    baselines: Annotated[bool, typer.Option("--baselines", help="With the baselines of the first run.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write it to a file: .md, .tex (booktabs), .csv or .html (a page).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Compare finished runs of the same data, split and protocol: `nextitem compare runs/sasrec runs/gru4rec`.

    Runs that differ in the seed alone are one model. Differences to the reference are paired over the cases, with 95 %
    intervals, and p values with Holm's correction. The ranks of every case were kept, so any metric comes at once.
    """
    from nextitem.report.comparison import csv, latex, markdown, shown
    from nextitem.report.comparison_page import html
    from nextitem.runs.several.compare import compare as compared
    from nextitem.writing import write

    if out is not None and out.suffix not in SUFFIXES:
        raise InputError(f"--out {out}: a comparison is written as {', '.join(SUFFIXES)}")
    names = None if metrics is None else [name.strip() for name in metrics.split(",")]
    found = compared(runs, metrics=names, against=against, test=test, part=part, baselines=baselines)
    if out is not None:
        forms = {"md": markdown, "latex": latex, "csv": csv, "html": html}
        write(out, forms[SUFFIXES[out.suffix]](found).encode())
    if json:
        print_json({"data": found.data, "protocol": found.protocol, "reference": found.reference, "lines": found.lines})
        return
    screen = console()
    screen.print(shown(found))
    if out is not None:
        screen.print(f"written to {out}", highlight=False, soft_wrap=True)
