"""Two workers with a fault in one of them, as a process: `python faulty.py RUN FAULTS`.

A fault is a file in the folder FAULTS, which the first process that comes to its place takes away and suffers;
`forever` is not taken away. Times are short.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nextitem.errors import InputError
from nextitem.runs.asking.recommend import Run
from nextitem.serving import worker, workers
from nextitem.serving.limits import Limits
from nextitem.serving.server import address_of, listen
from nextitem.serving.server import serve as answer
from nextitem.serving.service import Opening, Service, Workers

FAULTS = Path(sys.argv[-1])


def is_taken(fault: str) -> bool:
    try:
        (FAULTS / fault).rename(FAULTS / f"{fault}-{os.getpid()}")
    except FileNotFoundError:
        return False
    return True


class Faulty(Opening):
    def load(self) -> Run:
        if is_taken("load"):
            raise MemoryError("no room for another run")
        return super().load()

    def proved(self, run: Run) -> Run:
        if is_taken("prove") or (FAULTS / "forever").exists():
            raise ZeroDivisionError("the fault of the proof")
        if is_taken("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if is_taken("hang"):
            time.sleep(600)
        return super().proved(run)


def serve(service: Service, listener: socket.socket, token: str | None, begun: Callable[[], None]) -> None:
    if is_taken("listen"):
        raise OSError("the fault of the listener")
    if is_taken("stay"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        begun()
        time.sleep(600)
    answer(service, listener, token, begun)


def main() -> None:
    opening = Faulty(Path(sys.argv[1]), "run")
    workers.serve = serve  # type: ignore[attr-defined]  # what the module imports
    workers.TRIES, worker.STARTING, worker.ENDING = 2, 15.0, 2.0
    with listen("127.0.0.1", 0) as listener:

        def serving(several: Workers) -> Service:
            return Service(opening, Limits(), workers=several)

        try:
            workers.oversee(2, opening, serving, listener, None, lambda run: print(address_of(listener), flush=True))
        except InputError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
