"""Forking: what a child can do that was forked from a process which had computed already.

The threads that compute stay behind in the parent, and the child would wait for them for ever (torch's) or be ended
(numba's). So the child goes on with one thread and in torch's plain operations. A process that has not computed yet may
be forked as one likes; one that is there to be forked (`keep_forkable`) reads tables by children, since polars' threads
stay behind as well.
"""

from __future__ import annotations

import logging
import os

_LOG = logging.getLogger(__name__)


class _Forking:
    def __init__(self) -> None:
        self.has_computed = False
        self.is_child = False  # of a process that had computed
        self.is_told = False
        self.is_kept_forkable = False

    def enter_child(self) -> None:
        import torch

        self.is_child = True
        torch.set_num_threads(1)

    def enter_use(self) -> None:
        self.is_kept_forkable = False


FORKING = _Forking()


def mark_computed() -> None:
    """This process uses threads from here on; what is forked from it later must do without."""
    if is_forked():
        return
    if not FORKING.has_computed:
        FORKING.has_computed = True
        if hasattr(os, "register_at_fork"):  # Windows has no fork
            os.register_at_fork(after_in_child=FORKING.enter_child)


def is_forked() -> bool:
    """Whether this process was forked from one that had computed; a warning in the log says so once."""
    if FORKING.is_child and not FORKING.is_told:
        FORKING.is_told = True
        _LOG.warning(
            "this process was forked from one that had computed already, whose threads it does not have: it goes on "
            "with one thread and without compiled loops, slower; load the run after the fork, or start processes with "
            "spawn or forkserver"
        )
    return FORKING.is_child


def keep_forkable() -> None:
    """This process computes nothing, and is there to be forked: tables are read without a thread of its own from here
    on, in its children as ever."""
    FORKING.is_kept_forkable = True
    os.register_at_fork(after_in_child=FORKING.enter_use)


def is_kept_forkable() -> bool:
    """Whether `keep_forkable` holds here."""
    return FORKING.is_kept_forkable
