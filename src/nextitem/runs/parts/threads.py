"""How many threads a run computes with."""

from __future__ import annotations

import os

import torch

from nextitem.cores import usable_cores
from nextitem.errors import InputError
from nextitem.forking import is_forked


def take_threads(wanted: int | None) -> None:
    """So many threads for torch and the compiled loops.

    None: as many as torch takes by itself (the cores, or OMP_NUM_THREADS), but without that variable no more than this
    process may use: a container with a quota of two cores on a machine of 64 gets two.

    Raises:
        InputError: this process was forked from one that had computed, and has no threads to train with.
    """
    if is_forked():
        raise InputError(
            "training needs threads, and those of the process that this one was forked from stayed there; start it "
            "with spawn or forkserver, or fork before anything is computed"
        )
    if wanted is not None:
        torch.set_num_threads(wanted)
    elif "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
