"""`nextitem prepare-amazon`: Amazon's reviews of 2014 become the five files of Mamba4Rec without RecBole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nextitem.cli.shared import console
from nextitem.errors import InputError

if TYPE_CHECKING:
    from nextitem.data.sources.amazon.preparing import Category
    from nextitem.report.tables import FittingTable


def prepare_amazon(
    raw: Annotated[Path | None, typer.Argument(help="The folder that holds one for each category.")] = None,
    processed: Annotated[Path | None, typer.Argument(help="The folder to write to, one for each category.")] = None,
    raw_path: Annotated[Path | None, typer.Option("--raw_path", help="RAW, by name.")] = None,
    processed_path: Annotated[Path | None, typer.Option("--processed_path", help="PROCESSED, by name.")] = None,
    k_core: Annotated[int, typer.Option("--k-core", "--k_core", help="Fewest of a user, and of an item.")] = 5,
    train: Annotated[str, typer.Option("--train_seq_outfile", help="The file's name.")] = "train_seq.jsonl",
    valid: Annotated[str, typer.Option("--eval_seq_outfile", help="The file's name.")] = "eval_seq.jsonl",
    test: Annotated[str, typer.Option("--test_seq_outfile", help="The file's name.")] = "test_seq.jsonl",
    items: Annotated[str, typer.Option("--item2id_outfile", help="The file's name.")] = "item2id.jsonl",
    users: Annotated[str, typer.Option("--user2id_outfile", help="The file's name.")] = "user2id.jsonl",
) -> None:
    """Make Mamba4Rec's rows and maps of RAW/X/ratings_X.csv and RAW/X/meta_X.json.gz, for every category X."""
    from nextitem.data.sources.amazon.preparing import OutputNames
    from nextitem.data.sources.amazon.preparing import prepare_amazon as prepare

    source, target = _one("RAW", raw, raw_path), _one("PROCESSED", processed, processed_path)
    done = prepare(source, target, k_core, OutputNames(train, valid, test, items, users))
    screen = console()
    screen.print(_table(done))
    screen.print(f"kept in {target}", highlight=False, soft_wrap=True)


def _one(name: str, by_place: Path | None, by_name: Path | None) -> Path:
    option = f"--{name.lower()}_path"
    if by_place is not None and by_name is not None:
        raise InputError(f"{name} is given twice, as {by_place} and by {option} {by_name}; leave one out")
    path = by_place or by_name
    if path is None:
        raise InputError(f"{name} is missing; nextitem prepare-amazon RAW PROCESSED, or {option} FOLDER")
    return path


def _table(done: list[Category]) -> FittingTable:
    from dataclasses import fields

    from rich.table import Column

    from nextitem.report.tables import FittingTable

    table = FittingTable("", *(Column(one.name, overflow="fold") for one in done))
    for field in fields(done[0])[1:]:
        table.add_row(field.name.replace("_", " "), *(f"{getattr(one, field.name):,}" for one in done))
    return table
