"""Interrupted: what Ctrl-C leaves behind, and the command that goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from traceback import clear_frames

NOTHING_BEGUN = " before training began: nothing is kept yet, start again with the same command"


class StoppedError(Exception):
    """The user stopped a command; the message says what is left of it."""


@contextmanager
def telling(what_is_left: Callable[[], str]) -> Iterator[None]:
    """Raises StoppedError, with what is left, where the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        clear_frames(interrupt.__traceback__)  # which hold what shows a bar; it goes before the message comes
        raise StoppedError(f"interrupted{what_is_left()}") from interrupt


def left_of_run(folder: Path, has_epochs: bool, *options: str) -> str:
    """How far the run in a folder has come, and the command that continues it, with `options` that it needs besides."""
    from nextitem.errors import InputError
    from nextitem.runs.folder.run_folder import RunFolder
    from nextitem.runs.learning.refit import is_wanted
    from nextitem.training.checkpoint import read_state
    from nextitem.training.fit import CHECKPOINT
    from nextitem.training.refit import REFIT_CHECKPOINT

    run, command = RunFolder(folder), " ".join(["nextitem run --resume", *map(quote, (str(folder), *options))])
    try:
        epoch, refitted = (read_state(folder / name).epoch for name in (CHECKPOINT, REFIT_CHECKPOINT))
    except InputError as error:
        return f"; {error}"
    if run.is_finished and not is_wanted(run):
        return f"; the run in {folder} is finished: nextitem show {quote(str(folder))}"
    if run.is_finished:
        where = f"after epoch {refitted} of the training on all data" if refitted else "before that on all data"
        return f" {where}; the run is evaluated, and {command} goes on"
    if epoch == 0:
        before = " before the first epoch was over" if has_epochs else ""
        return f"{before}: nothing is kept yet, start again with the same command"
    return f"; {epoch} {'epoch is' if epoch == 1 else 'epochs are'} kept, and {command} goes on after epoch {epoch}"
