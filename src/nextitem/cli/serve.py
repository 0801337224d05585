"""`nextitem serve`: a finished run answers over HTTP."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.code import MovedCode, TrustCode, code_of_run
from nextitem.cli.shared import AsJson, MovedData, console
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.runs.asking.recommend import Run


def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder, a link to one, or a bundle; /reload opens it anew.")
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen at; by default this machine alone.")] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(envvar="NEXTITEM_TOKEN", help="What whoever asks must send: Authorization: Bearer ..")
    ] = None,
    ann: Annotated[bool, typer.Option("--ann", help="Search by the run's index (nextitem index).")] = False,
    window: Annotated[
        float, typer.Option(metavar="MS", min=0, max=1000, help="How long a batch waits for more, while many ask.")
    ] = 2.0,
    unbatched: Annotated[bool, typer.Option("--unbatched", help="Answer each request by itself.")] = False,
    max_body: Annotated[int, typer.Option(min=1, help="Bytes of a request.")] = 2**20,
    max_history: Annotated[int, typer.Option(min=1, help="Items of a history.")] = 1000,
    max_rows: Annotated[int, typer.Option(min=1, help="Histories of a request.")] = 256,
    max_k: Annotated[int, typer.Option(min=1, help="Items of an answer.")] = 500,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second of one address; 0: any number.")] = 0.0,
    sessions: Annotated[int, typer.Option(min=1, help="How many sessions are kept.")] = 10_000,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long one is kept that nobody asks.")] = 30.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer, which share the run's memory.")] = 1,
    data: MovedData = None,
    json: AsJson = False,
    trust_code: TrustCode = False,
    code: MovedCode = None,
) -> None:
    """Answer questions over HTTP, and show a page to try the run with, until Ctrl-C or SIGTERM.

    /recommend, /similar, /explain, /sessions, /items, /card, /reload, /healthz, /readyz, /metrics; /openapi.json says
    what each takes. --data is for explanations, which read the run's data."""
    from nextitem.serving.installed import refuse_missing

    refuse_missing()
    if (trust_code or code is not None) and folder.is_file():
        raise InputError(f"{folder} is a bundle, which is of no code of your own; unzip it into a folder first")
    from nextitem.serving.limits import Limits
    from nextitem.serving.server import address_of, is_loopback, listen
    from nextitem.serving.server import serve as answer
    from nextitem.serving.service import ALONE, Opening, Service, Workers
    from nextitem.serving.workers import oversee

    if workers > 1 and rate:
        raise InputError("--rate counts in one process; leave it out beside --workers, and count at a proxy")
    limits = Limits(max_body, max_history, max_rows, max_k, rate, sessions=sessions, expiry=60 * minutes)
    opening = Opening(folder, folder.resolve().name, code_of_run(folder, trust_code, code), data, ann)
    with listen(host, port) as listener:
        address = address_of(listener)
        if not is_loopback(host):
            guard = "whoever can reach it may ask" if token is None else "ask over HTTPS alone, or the token is seen"
            line = f"listening at {host}, which other machines can reach: {guard}"
            console(stderr=True).print(line, style="yellow", highlight=False, soft_wrap=True)

        def say(run: Run) -> None:
            told = {"url": address, "run": opening.name, "model": run.recipe.model.label}
            line = f"{told['model']} of {opening.name} answers at {address} (Ctrl-C ends it)"
            typer.echo(json_text.dumps(told) if json else line)

        def serving(workers: Workers) -> Service:
            return Service(opening, limits, window=window / 1000, batched=not unbatched, workers=workers)

        if workers > 1:
            oversee(workers, opening, serving, listener, token, say)
        else:
            service = serving(ALONE)
            answer(service, listener, token, lambda: say(service.run))
