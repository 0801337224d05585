"""Threads spin while they have the cores to themselves, and sleep while others compute on them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nextitem.nn.kernels.waiting import LAST_PATIENCE, Waiting


class Watched(Waiting):
    """Without teams: what it decides, given shares of the time."""

    def _sleep(self) -> None:
        import threading

        self._team = threading.Event()


def decisions(shares: list[float], step: float = 0.1) -> list[bool]:
    waiting = Watched()
    found = []
    for place, share in enumerate(shares):
        waiting._decide(100 + place * step, share)
        found.append(waiting.sleeps)
    return found


def test_waking_alone_is_no_crowd() -> None:
    assert not any(decisions([0.04] * 50))


def test_a_moment_of_disturbance_is_no_crowd() -> None:
    assert not any(decisions([0.0] * 5 + [0.4] + [0.0] * 20))


def test_threads_sleep_within_half_a_second_where_others_compute() -> None:
    assert decisions([0.0] * 5 + [0.3] * 5)[-1]


def test_spinning_is_tried_again_when_the_others_are_gone() -> None:
    found = decisions([0.3] * 10 + [0.0] * 20)
    assert found[9]
    assert not found[-1]


def test_each_trial_waits_twice_as_long_as_the_one_before_up_to_half_a_minute() -> None:
    waiting = Watched()
    now, waits = 100.0, list[float]()
    for _ in range(8):
        while not waiting.sleeps:
            now += 0.25
            waiting._decide(now, 1.0)
        waiting._share = 0.0
        began = now
        while waiting.sleeps:
            now += 0.25
            waiting._decide(now, 0.0)
        waits.append(now - began - 0.25)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, LAST_PATIENCE]


def test_who_had_the_cores_for_long_is_patient_no_more() -> None:
    waiting = Watched()
    waiting._patience, waiting._share = LAST_PATIENCE, 1.0
    waiting._decide(100.0, 1.0)
    waiting._share = 0.0
    for tenth in range(8):
        waiting._decide(100.1 + tenth / 10, 0.0)
    assert not waiting.sleeps


CROWD = """
import threading, time, os
import torch
from nextitem.nn.kernels.waiting import Waiting, _gnu_openmp
waiting = Waiting()
waiting.adapt()
library = _gnu_openmp()
if library is None:
    print("no GNU OpenMP")
else:
    threads = lambda: len(os.listdir("/proc/self/task"))
    waiting._library = library
    before = threads()
    waiting._sleep()
    held = threads()
    torch.ones(1 << 18).add_(1)
    waiting._team.set()
    for _ in range(100):
        if threads() <= before + 1:
            break
        time.sleep(0.05)
    print(held - before >= len(os.sched_getaffinity(0)), threads() <= before + 1)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GNU OpenMP is Linux's")
def test_the_team_that_makes_threads_sleep_comes_and_goes() -> None:
    free = {name: value for name, value in os.environ.items() if not name.startswith(("OMP", "GOMP", "KMP"))}
    done = subprocess.run([sys.executable, "-c", CROWD], capture_output=True, text=True, check=True, env=free)
    assert done.stdout.strip() in ("True True", "no GNU OpenMP")


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_who_sets_a_variable_decides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nextitem.nn.kernels.waiting import _gnu_openmp

    monkeypatch.setenv(name, "1")
    assert _gnu_openmp() is None
