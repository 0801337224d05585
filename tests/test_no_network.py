"""No network but where the user asks for it: neither the import of all modules nor a run opens a socket.

It takes its seconds, for a fresh process loads the whole package.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Says each event of Python's sockets and name look-ups, and at the end what the process holds of the system's.
SCRIPT = """
import importlib, os, pkgutil, sys

def heard(event, arguments):
    if event.split(".")[0] in ("socket", "urllib", "http", "ssl", "ftplib", "smtplib"):
        print("opened:", event, *map(repr, arguments[1:]), file=sys.stderr)

sys.addaudithook(heard)
import nextitem

for name in nextitem.__all__:
    getattr(nextitem, name)
for module in pkgutil.walk_packages(nextitem.__path__, "nextitem."):
    if module.name != "nextitem.__main__" and not module.name.endswith("_gpu"):  # the entry point; the extra gpu
        importlib.import_module(module.name)
from nextitem.cli.main import main

for line in sys.stdin.read().split("\\n"):
    sys.argv = ["nextitem", *line.split()]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
if os.path.isdir("/proc/self/fd"):
    for name in os.listdir("/proc/self/fd"):
        held = os.readlink(f"/proc/self/fd/{name}") if os.path.lexists(f"/proc/self/fd/{name}") else ""
        if held.startswith("socket:") and int(name) > 2:
            print("held:", held, file=sys.stderr)
"""
COMMANDS = """\
run -m MarkovChain -d log.csv --out run
run -m BPR -d log.csv --epochs 1 --model.dim 4 --out trained
recommend run --history i1,i2 -k 2
prepare log.csv --out prepared
describe log.csv"""


def opened(place: Path, commands: str, script: str = SCRIPT) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "NEXTITEM_DATA"}
    done = subprocess.run(
        [sys.executable, "-c", script], input=commands, cwd=place, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return [line for line in done.stderr.splitlines() if line.startswith(("opened:", "held:"))]


@pytest.mark.skipif(sys.platform == "win32", reason="an event loop there talks to itself over a socket")
def test_no_import_and_no_run_opens_a_socket(tmp_path: Path, random_log: Callable[..., str]) -> None:
    (tmp_path / "log.csv").write_text(random_log(20, 12, 4, 8))
    assert opened(tmp_path, COMMANDS) == []
    assert (tmp_path / "trained" / "report.json").exists()


def test_the_check_hears_a_socket(tmp_path: Path) -> None:
    script = SCRIPT.partition("import nextitem")[0] + "import socket; socket.socket()"
    assert opened(tmp_path, "", script)[0].startswith("opened: socket.__new__")
