"""What the commands share. Nothing heavy is imported here."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from nextitem.errors import InputError

MovedData = Annotated[
    str | None, typer.Option("-d", "--data", help="Where the run's data is now, if it is no longer where it was.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs, in place of tables.")]


def _unpacked(run: Path) -> Path:
    """The folder of a run that is named by its bundle."""
    if not run.is_file():
        return run
    from nextitem.runs.export.bundle import unpacked_until_exit

    return unpacked_until_exit(run)


def _own_folder(run: Path) -> Path:
    """Of a command that writes into it."""
    if run.is_file():
        raise InputError(f"{run} is a file, and what this writes stands in a run folder; unzip a bundle into one first")
    return run


RunPath = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, or a bundle (nextitem export).", callback=_unpacked)
]
OwnRunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", callback=_own_folder)]


def in_options(error: InputError, options: Collection[str]) -> InputError:
    """An error of reading data, in which keys are the options that a command has for them.

    >>> str(in_options(InputError("tell it as --data.kinds, or name --data.item_table"), ["kinds", "item"]))
    'tell it as --kinds, or name --data.item_table'
    """

    def option(found: re.Match[str]) -> str:
        return f"--{found[1].replace('_', '-')}" if found[1] in options else found[0]

    return InputError(re.sub(r"--data\.(\w+)", option, str(error)))


@contextmanager
def told_in_options(options: Collection[str]) -> Iterator[None]:
    """A context whose errors are `in_options`."""
    try:
        yield
    except InputError as error:
        raise in_options(error, options) from error


def console(*, stderr: bool = False) -> Any:
    """The screen that every command prints on: what it is given is text, see `nextitem.terminal`."""
    from nextitem.terminal import console as new_screen

    return new_screen(stderr=stderr)


def print_json(found: object) -> None:
    """One JSON value on standard output; dataclasses are objects, and what is infinite or no number is null."""
    import json

    print(json.dumps(_plain(found), indent=1, ensure_ascii=False))


def _plain(found: Any) -> Any:
    if is_dataclass(found) and not isinstance(found, type):
        return {field.name: _plain(getattr(found, field.name)) for field in fields(found)}
    if isinstance(found, dict):
        return {str(key): _plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(one) for one in found]
    if hasattr(found, "tolist"):  # numpy's numbers and arrays
        return _plain(found.tolist())
    if isinstance(found, float) and not isfinite(found):
        return None
    return found if isinstance(found, str | int | float | bool | None) else str(found)


def telling_of_compilation(screen: Any) -> AbstractContextManager[None]:
    """A first training stands still for a while: say why."""
    from nextitem.compiling import are_kept, told_of_compilation

    line = f"compiling kernels{', which are kept for later runs' if are_kept() else ''}: a quarter of a minute or so"
    return told_of_compilation(lambda: screen.print(line, highlight=False))


def own_options(context: typer.Context) -> list[str]:
    """The options that a command has beside recipe keys."""
    return [name for one in context.command.params for name in one.opts if name.startswith("--")]


def rank() -> int:
    """Of this process among those that torchrun started; 0 without torchrun."""
    return int(os.environ["RANK"]) if is_launched() else 0


def is_launched() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ
