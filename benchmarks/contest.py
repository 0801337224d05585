"""What the speed comparisons share: starting a contestant in a process of its own, reading and keeping its report."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def peer_python(peers: Path, peer: str) -> Path:
    python = peers.resolve() / peer / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} does not exist; run benchmarks/peers/setup.sh first")
    return python


def run_script(
    python: Path,
    script: Path,
    arguments: list[str],
    takes_workdir: bool = False,
    more: Mapping[str, str] | None = None,  # of the environment
) -> dict[str, Any]:
    """Run one contestant, in a folder of its own if it wants one, and read the JSON of its last line."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python), str(script), *arguments, *(["--workdir", folder] if takes_workdir else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(more or {})})
    if done.returncode:
        sys.exit(f"{script.name} failed:\n{done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def write_results(name: str, rows: list[dict[str, Any]], **more: Any) -> None:
    made = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()} | _made()
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / name).write_text(json.dumps({"machine": made, **more, "runs": rows}, indent=1) + "\n")


def _made() -> dict[str, str]:
    """What the tables of README.md say of a result: the processor, the day, the commit."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return {
        "processor": names[0] if names else platform.processor(),
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
    }
