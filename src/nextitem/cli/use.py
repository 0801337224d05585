"""What a finished run is used for, beside recommending: evaluate it again, show its table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, MovedData, RunPath, console, print_json
from nextitem.errors import InputError


def evaluate(
    folder: RunPath,
    protocol: Annotated[str, typer.Option(help="full, sampled-N (such as sampled-100), or sasrec.")] = "full",
    seen: Annotated[
        Literal["mask", "mask_unless_target", "keep", "auto"] | None,
        typer.Option(help="mask, mask_unless_target, keep or auto: whether seen items leave the ranking."),
    ] = None,
    ties: Annotated[
        Literal["expected", "expected_rank", "optimistic", "pessimistic"] | None,
        typer.Option(help="expected (the metric, over all orders), or expected_rank, optimistic, pessimistic."),
    ] = None,
    shown: Annotated[
        Literal["history", "trained"] | None,
        typer.Option(help="history or trained: what models see of a case; trained: no validation items."),
    ] = None,
    metrics: Annotated[str | None, typer.Option(help="Such as hr@10,ndcg@10 [the run's].")] = None,
    seed: Annotated[int, typer.Option(help="Of drawn users and negatives.")] = 0,
    ann: Annotated[bool, typer.Option("--ann", help="Rank what the run's index finds (nextitem index).")] = False,
    data: MovedData = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Evaluate a finished run on its test cases under another protocol."""
    from nextitem.report.results import protocol_table
    from nextitem.runs.asking.reevaluate import evaluate_again

    names = None if metrics is None else [name.strip() for name in metrics.split(",")]
    models = code_of_run(folder, trust_code, code)
    report = evaluate_again(folder, protocol, seen, ties, shown, names, seed, data, models, ann)
    if json:
        print_json({"protocol": report.protocol, "test": report.means(), "notes": report.notes})
    else:
        console().print(protocol_table(report))


def show(
    folder: RunPath,
    out: Annotated[
        Path | None, typer.Option(help="Write the run's page to a file, .html, that needs no network.")
    ] = None,
    titles: Annotated[
        Path | None, typer.Option(help="Of --out: a table of items with a column of titles [what the run keeps].")
    ] = None,
    audit: Annotated[Path | None, typer.Option(help="Of --out: the folder of an order audit of the same data.")] = None,
    trust_code: TrustCode = False,
    code: MovedCode = None,
    json: AsJson = False,
) -> None:
    """Show the test table of a finished run again; with --out its page.

    On the page are curves, slices, where the targets stand and whether they do on the validation cases, the nearest
    items of some, leaks of the split, and what an order audit said.
    """
    from nextitem.report.results import test_table
    from nextitem.runs.folder.run_folder import RunFolder
    from nextitem.writing import write

    if out is None and (titles or audit or trust_code or code):
        raise InputError("--titles, --audit, --trust-code and --code are of the page; name it with --out run.html")
    if out is not None:
        if out.suffix != ".html":
            raise InputError(f"--out {out}: the page of a run is written as .html")
        write(out, _page(folder, titles, audit, trust_code, code).encode())
        console(stderr=json).print(f"written to {out}", highlight=False, soft_wrap=True)
    report = RunFolder(folder).read_report()
    if json:
        print_json(report)
    else:
        console().print(test_table(report))


def _page(folder: Path, titles: Path | None, audit: Path | None, trust_code: bool, code: Path | None) -> str:
    from nextitem.report.run_page import html
    from nextitem.runs.asking.recommend import load
    from nextitem.runs.folder.run_folder import RunFolder

    is_own = ":" in RunFolder(folder).model_name
    run = None if is_own and not (trust_code or code) else load(folder, models=code_of_run(folder, trust_code, code))
    return html(folder, titles=titles, audit=audit, run=run)
