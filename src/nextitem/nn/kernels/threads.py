"""One setting of threads: compiled loops take as many as torch does."""

from __future__ import annotations

import numba
import torch


def use_torch_threads() -> None:
    """At most as many as numba was started with (NUMBA_NUM_THREADS, by default the cores)."""
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    if torch.get_num_threads() != threads:  # numba starts its OpenMP threads at the first call, and counts for all
        torch.set_num_threads(threads)
