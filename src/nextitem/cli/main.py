"""The entry point: runs a command, and turns what a user can mend into one line on stderr."""

from __future__ import annotations

import errno
import re
import sys
from contextlib import nullcontext
from shutil import get_terminal_size
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from nextitem.cli.audit import audit
from nextitem.cli.bench import bench
from nextitem.cli.blend import blend
from nextitem.cli.check import check
from nextitem.cli.choices import models, samplers
from nextitem.cli.compare import compare
from nextitem.cli.datasets import datasets
from nextitem.cli.describe import compare_data, describe
from nextitem.cli.doctor import doctor
from nextitem.cli.experiment import experiment
from nextitem.cli.explain import explain
from nextitem.cli.export import export
from nextitem.cli.index import index
from nextitem.cli.interrupted import StoppedError, ending_in_order, stopped, telling
from nextitem.cli.prepare import prepare
from nextitem.cli.prepare_amazon import prepare_amazon
from nextitem.cli.recipe import recipe
from nextitem.cli.recommend import recommend
from nextitem.cli.run import run
from nextitem.cli.serve import serve
from nextitem.cli.shared import is_launched, rank
from nextitem.cli.similar import similar
from nextitem.cli.tune import tune
from nextitem.cli.update import update
from nextitem.cli.use import evaluate, show
from nextitem.errors import InputError, LostProcessError, NonFiniteLossError, ToldError, suggest

NO_PLACE = {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EACCES}  # of paths that cannot be followed
LONGEST = 80  # characters of a path that is told
BOXED = 80  # columns, from which on help stands in boxes
# Commands of other codes, and the one of ours that does it.
ELSEWHERE = {
    "train": "run",
    "fit": "run",
    "learn": "run",
    "predict": "recommend",
    "eval": "evaluate",
    "test": "evaluate",
    "report": "show",
    "info": "describe",
    "stats": "describe",
    "validate": "check",
    "preprocess": "prepare",
}


class Commands(TyperGroup):
    """The commands; a name that is none leads to the one that was meant."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is not None or ctx.resilient_parsing:
            return found
        meant = ELSEWHERE.get(cmd_name.lower())
        hint = f"take nextitem {meant}" if meant else suggest(cmd_name, self.list_commands(ctx))
        raise InputError(f'there is no command "{cmd_name}"; {hint}')

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Typer would leave without a word where it is interrupted, here and in a command."""
        with telling(lambda: ""):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        with telling(lambda: ""):
            return super().invoke(ctx)


app = typer.Typer(
    name="nextitem",
    cls=Commands,
    help="Which item comes next: train, evaluate honestly, recommend.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ANY_HYPHEN = {"token_normalize_func": lambda name: name.replace("_", "-")}  # --data_dir is --data-dir
WITH_KEYS = {"allow_extra_args": True, "ignore_unknown_options": True, **ANY_HYPHEN}


class AsWritten(TyperCommand):
    """A command whose help shows [SASRec] as it is written, which typer would take for a style, is wrapped once, and is
    whole on a narrow screen, where typer's boxes cut long words."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help = self.help and re.sub(r"(?<!\n)\n(?!\n)", " ", self.help)
        told = (self, *(one for one in self.params if isinstance(one, TyperArgument | TyperOption)))
        self._written = [(one, one.help) for one in told]
        for one in told:
            one.help = one.help and escape(one.help)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if get_terminal_size().columns < BOXED:
            self.rich_markup_mode = None
            for one, help in self._written:
                one.help = help
        super().format_help(ctx, formatter)


for with_keys in (run, bench, tune, recipe, prepare, audit):
    app.command(cls=AsWritten, context_settings=WITH_KEYS)(with_keys)
for command in (
    *(recommend, similar, export, index, explain, evaluate, show, compare, blend, experiment, update, models, samplers),
    *(serve, datasets, check, describe, compare_data, prepare_amazon, doctor),
):
    app.command(cls=AsWritten, context_settings=ANY_HYPHEN)(command)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        print(f"nextitem {version('nextitem')}")
        raise typer.Exit


@app.callback()
def _before_all(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """The entry point. A process among several leaves at once."""
    try:
        with nullcontext() if is_launched() else ending_in_order():  # torchrun ends its processes at once
            _run_app()
    except SystemExit as end:
        if not is_launched():
            raise
        from nextitem.processes import leave

        leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _run_app() -> None:
    """What a user can mend is one line on stderr and exit code 2; no traceback."""
    try:
        app()
    except ToldError:
        sys.exit(2)
    except InputError as error:
        _stop(2, str(error))
    except NonFiniteLossError as error:
        if rank() > 0:  # every process has it at the same step
            sys.exit(3)
        _stop(3, str(error))
    except LostProcessError as error:
        # At once, since the ends of threads that wait for the other process would be waited for. A sudden end is what
        # a run folder can bear.
        from nextitem.processes import leave

        _say(str(error))
        leave(4)
    except StoppedError as interrupted:
        if rank() > 0:
            sys.exit(interrupted.code)
        _stop(interrupted.code, str(interrupted))
    except KeyboardInterrupt as interrupt:
        found = stopped(interrupt)
        _stop(found.code, str(found))
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None and error.errno in NO_PLACE:
            _stop(2, f"{str(error.filename)[:LONGEST]}: {error.strerror}; name another file or folder")
        from nextitem.installation.line import installation_line

        _say("a fault of ours, or of this installation; please report it with what `nextitem doctor` prints")
        _say(installation_line())
        raise


def _stop(code: int, message: str) -> None:
    _say(message)
    sys.exit(code)


def _say(message: str) -> None:
    name = f"nextitem (process {rank()})" if rank() else "nextitem"
    print(f"{name}: {message}", file=sys.stderr, flush=True)
