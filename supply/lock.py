"""Lock: every package that a run and the tests take, with the digests of its files, from constraints.txt.

`make lock` writes run.txt, test.txt and cuda.txt beside this file, for Python 3.11 and newer on Linux, macOS and
Windows; `make locked` installs from them. The parts of CUDA stand by themselves: torch's build for the CPU, which may
lie on disk, goes without them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "supply"
BUILD = "setuptools>=77"  # what installs nextitem itself
OF_CUDA = re.compile(r"(nvidia-|cuda-|triton)")
# Of torch-2.13.0+cpu for CPython 3.11 on Linux x86-64, which the index of torch's makers has and the other one lacks.
CPU_TORCH = "    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"


def compiled(extras: list[str]) -> list[str]:
    """The packages, each with its version, marker and digests: a block of lines."""
    with TemporaryDirectory() as place:
        found, beside = Path(place, "found.txt"), Path(place, "build.in")
        beside.write_text(BUILD + "\n")
        command = [
            *(str(Path(sys.executable).parent / "uv"), "pip", "compile", str(ROOT / "pyproject.toml"), str(beside)),
            *("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
            *("--no-annotate", "--no-header", "--output-file", str(found)),
            *("--constraint", str(ROOT / "constraints.txt")),
        ]  # fmt: skip
        subprocess.run([*command, *(f"--extra={name}" for name in extras)], check=True)
        return re.split(r"\n(?=\S)", found.read_text().strip())


def with_cpu(block: str) -> str:
    return f"{block} \\\n{CPU_TORCH}" if block.startswith("torch==") else block


def main() -> None:
    for name, extras in (("run", []), ("test", ["test"])):
        blocks = compiled(extras)
        kept = [with_cpu(block) for block in blocks if not OF_CUDA.match(block)]
        (FOLDER / f"{name}.txt").write_text("\n".join(kept) + "\n")
        cuda = [block for block in blocks if OF_CUDA.match(block)]
        (FOLDER / "cuda.txt").write_text("\n".join(cuda) + "\n")  # the same of both


if __name__ == "__main__":
    main()
