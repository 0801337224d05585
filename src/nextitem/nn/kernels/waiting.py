"""How the threads of a parallel loop wait for each other: spinning where they have the cores alone, else asleep.

A thread that spins takes up the next loop in a microsecond; one that sleeps must be woken, tens of microseconds that a
training step with hundreds of small loops can't bear. But where others compute on the same cores, a spinning thread
holds the core that the awaited thread needs, for milliseconds at a time: measured on two cores, an epoch beside one
busy loop took 4 times as long, and each of two runs at once 40 times. So this process watches how long its threads wait
for a core, and lets them sleep while that is long.

torch and numba share one OpenMP library (GNU's, on Linux, where torch's stands in front of the system's): it spins
briefly where it manages more threads than there are cores (GOMP_SPINCOUNT in its manual), so a team of idle threads
makes it sleep, and the end of that team makes it spin again. No result depends on it.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import threading
import time
from pathlib import Path

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")  # who sets one decides
INTERVAL = 0.1  # seconds between two looks
# A thread that waited for a core during more than CROWDED of the time does not have it to itself, and with less than
# FREE it does. Seen on two cores: up to .04 alone (a thread that is woken waits a moment), .2 to .4 beside a busy loop.
CROWDED, FREE = 0.15, 0.05
WEIGHT = 0.3  # of the newest look in the average: one that is disturbed for a moment is no crowd
FIRST_PATIENCE, LAST_PATIENCE = 0.5, 30.0  # seconds without others before spinning is tried again; longer each time
FORGOTTEN = 10.0  # seconds of spinning without others, after which patience starts anew

TASKS = Path("/proc/self/task")


class Waiting:
    """Watches, and switches between the two ways; `adapt` is called before every compiled loop."""

    def __init__(self) -> None:
        self._library: ctypes.CDLL | None = None
        self._team: threading.Event | None = None  # set to end the team of idle threads
        self._next = 0.0
        self._looked_at, self._delays = 0.0, dict[str, int]()
        self._free_since, self._patience, self._spins_since, self._share = 0.0, FIRST_PATIENCE, 0.0, 0.0
        self._lock = threading.Lock()

    @property
    def sleeps(self) -> bool:
        """Whether threads sleep while they wait, since others use the cores."""
        return self._team is not None

    def adapt(self) -> None:
        """Look after this process's threads, at most every `INTERVAL` seconds."""
        now = time.monotonic()
        if now < self._next or not self._lock.acquire(blocking=False):
            return
        try:
            self._library = self._library or _gnu_openmp()  # not before torch has brought it
            self._next = now + INTERVAL if self._library else math.inf
            if self._library is None:
                return
            delays = _delays()
            if self._looked_at:
                grown = max(
                    (delay - self._delays[task] for task, delay in delays.items() if task in self._delays), default=0
                )
                self._decide(now, grown / 1e9 / (now - self._looked_at))
            self._looked_at, self._delays = now, delays
        finally:
            self._lock.release()

    def _decide(self, now: float, share: float) -> None:
        """`share`: of the time since the last look, what the thread that waited longest waited for a core."""
        self._share += WEIGHT * (min(share, 1.0) - self._share)
        if self._share > FREE:
            self._free_since = now
        if self._share > CROWDED and self._team is None:
            if now - self._spins_since > FORGOTTEN:
                self._patience = FIRST_PATIENCE
            self._sleep()
        elif self._team is not None and now - self._free_since > self._patience:
            self._team.set()
            self._team, self._spins_since = None, now
            self._patience = min(2 * self._patience, LAST_PATIENCE)

    def _sleep(self) -> None:
        over, stands = threading.Event(), threading.Event()
        threading.Thread(target=_hold_team, args=(self._library, over, stands), daemon=True).start()
        stands.wait(1.0)
        self._team = over


def _hold_team(library: ctypes.CDLL, over: threading.Event, stands: threading.Event) -> None:
    """One idle team of more threads than there are cores, until it is `over`: each of them runs free(NULL) once."""
    nothing = ctypes.cast(library.free, ctypes.c_void_p)
    library.GOMP_parallel(nothing, None, ctypes.c_uint(len(os.sched_getaffinity(0)) + 1), ctypes.c_uint(0))
    stands.set()
    over.wait()


def _gnu_openmp() -> ctypes.CDLL | None:
    """The library, where it is this one and nobody has decided how it waits."""
    if not sys.platform.startswith("linux") or any(name in os.environ for name in VARIABLES):
        return None
    library = ctypes.CDLL(None)
    is_gnu = hasattr(library, "GOMP_parallel") and not hasattr(library, "kmp_set_blocktime")
    return library if is_gnu and (TASKS / str(os.getpid()) / "schedstat").exists() else None


def _delays() -> dict[str, int]:
    """Nanoseconds that each thread of this process has been ready to run and had no core, since it began."""
    found = {}
    for task in os.listdir(TASKS):
        try:
            found[task] = int((TASKS / task / "schedstat").read_bytes().split()[1])
        except OSError:  # it has ended
            continue
    return found


WAITING = Waiting()
