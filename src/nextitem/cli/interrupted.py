"""Interrupted: what Ctrl-C or a signal to end leaves behind, and the command that goes on from there."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from traceback import clear_frames
from types import FrameType

NOTHING_BEGUN = " before training began: nothing is kept yet, start again with the same command"


ENDING = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, who ends a job, a terminal that closes; Windows has no SIGHUP
AGAIN = 0.05  # seconds until a signal is sent once more


class StoppedError(Exception):
    """The user stopped a command; the message says what is left of it, and `code` is the exit code that shells know."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class SignalError(KeyboardInterrupt):
    """A signal to end came; all that Ctrl-C leaves in order is left in order."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ending_in_order() -> Iterator[None]:
    """In the block the signals of ENDING raise SignalError; one that is ignored, as under nohup, stays so.

    One that comes while a kernel is compiled raises a moment later: LLVM calls Python back in between, and what is
    raised there is lost.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield
        return
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {one: signal.getsignal(one) for one in signal.Signals if one.name in ENDING}
    heard = {one: handler for one, handler in before.items() if handler in usual}
    try:
        for one in heard:
            signal.signal(one, _hear)
        yield
    finally:
        for one, handler in heard.items():
            signal.signal(one, handler)


def _hear(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("llvmlite."):
            again = threading.Timer(AGAIN, _send, (number,))
            again.daemon = True
            again.start()
            return
        frame = frame.f_back
    raise SignalError(number)


def _send(number: int) -> None:
    if sys.platform == "win32":  # where a kill ends a process, whatever it hears
        signal.raise_signal(number)
    else:
        os.kill(os.getpid(), number)


@contextmanager
def telling(what_is_left: Callable[[], str]) -> Iterator[None]:
    """Raises StoppedError, with what is left, where the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        clear_frames(interrupt.__traceback__)  # which hold what shows a bar; it goes before the message comes
        raise stopped(interrupt, what_is_left()) from interrupt


def stopped(interrupt: KeyboardInterrupt, what_is_left: str = "") -> StoppedError:
    number = interrupt.number if isinstance(interrupt, SignalError) else int(signal.SIGINT)
    word = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    return StoppedError(word + what_is_left, 128 + number)


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
