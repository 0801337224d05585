"""Memory that a training step gave back is kept for the next one, where the C library is glibc.

Every step takes and gives back blocks of some megabytes, a few hundred megabytes in all. As it is set, glibc hands so
much to the kernel, which has to bring it again, page by page and filled with zeros: thousands of page faults a step.
"""

from __future__ import annotations

import ctypes
import os
import sys

# mallopt's parameters (malloc.h), and the environment variables with which users set them.
SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": (-3, 1 << 30),  # blocks below this size come from the heap
    "MALLOC_TRIM_THRESHOLD_": (-1, (1 << 31) - 1),  # what is free at its end is kept up to this size
}


def keep_freed_memory() -> bool:
    """Set it for this process, but for what the environment sets; False where the C library has, or takes, none."""
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    done = [library.mallopt(*setting) for name, setting in SETTINGS.items() if name not in os.environ]
    return all(done)
