"""The overseer: what it tells and does when a worker, or a reload, fails in each of the ways that it can."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from os import kill
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from nextitem.runs.asking.recommend import load

pytestmark = pytest.mark.slow  # processes start, and start again
HISTORY = ["i3", "i14"]


class Served:
    """The process of `faulty.py`."""

    def __init__(self, place: Path) -> None:
        self.faults, self.current, self._told = place / "faults", place / "current", place / "told.txt"
        self.faults.mkdir()
        with self._told.open("w") as told:
            command = [sys.executable, str(Path(__file__).with_name("faulty.py")), str(self.current), str(self.faults)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def lead(self, folder: Path) -> None:
        self.current.unlink()
        self.current.symlink_to(folder)

    def put(self, fault: str) -> None:
        (self.faults / fault).touch()

    def workers(self) -> set[int]:
        """Those that have not ended."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(one) for one in children}

    def told(self) -> list[str]:
        return self._told.read_text().splitlines()

    def answers(self) -> set[tuple[str, ...]]:
        """Of as many questions as reach every worker, each on a connection of its own."""
        body = json.dumps({"histories": [HISTORY], "k": 5}).encode()
        question = Request(f"{self.address}/recommend", body, {"Content-Type": "application/json"})
        found = []
        for _ in range(20):
            with urlopen(question, timeout=30) as answer:
                found.append(tuple(json.load(answer)["answers"][0]["items"]))
        return set(found)


@pytest.fixture
def served(folder: Path, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "current").symlink_to(folder)
    served = Served(tmp_path)
    yield served
    served.process.kill()
    served.process.wait()
    assert served.process.stdout is not None
    served.process.stdout.close()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def items_of(folder: Path) -> tuple[str, ...]:
    return tuple(map(str, load(folder).recommend([HISTORY], 5)[0].items))


def test_a_reload_is_of_all_workers_or_of_none(served: Served, folder: Path, counted: Path) -> None:
    old, new, before = items_of(folder), items_of(counted), served.workers()
    assert (old != new, len(before)) == (True, 2)
    served.lead(counted)
    for number, (fault, told) in enumerate(
        {
            "load": "MemoryError: no room for another run",
            "prove": "ZeroDivisionError: the fault of the proof",
            "kill": "ended with code -9 before it answered",
            "hang": "it took no questions within 15 seconds",
            "listen": "OSError: the fault of the listener",  # when the other takes questions already
        }.items(),
        start=1,
    ):
        served.put(fault)
        served.process.send_signal(signal.SIGHUP)
        until(lambda number=number: len(served.told()) == number)  # type: ignore[misc]
        assert told in served.told()[-1]
        assert served.told()[-1].endswith("; the run from before goes on")
        until(lambda: served.workers() == before)
        assert served.answers() == {old}
    served.process.send_signal(signal.SIGHUP)
    until(lambda: len(served.workers()) == 2 and not served.workers() & before)
    assert served.answers() == {new}
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(60) == 0
    assert len(served.told()) == 5


def test_a_worker_that_cannot_begin_is_told_and_tried_again_later(served: Served, folder: Path) -> None:
    first, second = sorted(served.workers())
    served.put("forever")
    kill(first, signal.SIGKILL)
    until(lambda: len(served.told()) >= 3)
    died, once, twice = served.told()[:3]
    assert died == f"worker {first} ended with code -9; another begins"
    assert once.endswith(" ended with code 1: ZeroDivisionError: the fault of the proof; another begins in 1 seconds")
    assert twice.endswith(" ended with code 1: ZeroDivisionError: the fault of the proof; another begins in 2 seconds")
    assert served.answers() == {items_of(folder)}  # of the second
    (served.faults / "forever").unlink()
    until(lambda: len(served.workers()) == 2)
    assert second in served.workers()
    served.put("forever")
    for one in served.workers():
        kill(one, signal.SIGKILL)
    assert served.process.wait(60) == 1  # not left behind with a socket that nobody answers at
    assert "the fault of the proof; no worker answers any more, each was tried 2 times" in served.told()[-1]


def test_a_replaced_worker_that_does_not_end_is_killed(served: Served, folder: Path) -> None:
    served.put("stay")
    (gone, _) = before = served.workers()
    kill(gone, signal.SIGKILL)
    until(lambda: not (served.faults / "stay").exists())
    (staying,) = served.workers() - before
    time.sleep(0.5)  # it says that it takes questions
    served.process.send_signal(signal.SIGHUP)
    until(lambda: len(served.workers()) == 2 and not served.workers() & {staying, *before})
    assert served.answers() == {items_of(folder)}
