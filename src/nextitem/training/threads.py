"""How many threads a run computes with."""

from __future__ import annotations

import os

import torch

from nextitem.cores import usable_cores


def take_threads(wanted: int | None) -> None:
    """So many threads for torch and the compiled loops.

    None: as many as torch takes by itself (the cores, or OMP_NUM_THREADS), but without that variable no more than this
    process may use: a container with a quota of two cores on a machine of 64 gets two.
    """
    if wanted is not None:
        torch.set_num_threads(wanted)
    elif "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
