"""One setting of threads: compiled loops take as many as torch does, and wait for each other as the machine allows."""

from __future__ import annotations

import numba
import torch

from nextitem.forking import mark_computed
from nextitem.nn.kernels.waiting import WAITING


def use_torch_threads() -> None:
    """At most as many as numba was started with (NUMBA_NUM_THREADS, by default the cores)."""
    mark_computed()
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    if torch.get_num_threads() != threads:  # numba starts its OpenMP threads at the first call, and counts for all
        torch.set_num_threads(threads)
    if threads > 1:
        WAITING.adapt()
