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
# Of torch's builds for the CPU (CPython 3.11, Linux x86-64), which the index of torch's makers has and the other one
# lacks: by version.
CPU_TORCH = {"2.13.0": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}


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
    """With the digest of torch's build for the CPU, if the block is torch's."""
    found = re.match(r"torch==([^\s;\\]+)", block)
    if found is None:
        return block
    if found[1] not in CPU_TORCH:
        sys.exit(
            f"no digest is known of torch {found[1]}'s build for the CPU: download that file (torch-{found[1]}+cpu, "
            "CPython 3.11, Linux x86-64), and add what `pip hash` says of it to CPU_TORCH in supply/lock.py"
        )
    return f"{block} \\\n    --hash=sha256:{CPU_TORCH[found[1]]}"


def parts_of(blocks: list[str]) -> tuple[str, str]:
    """The text of what stands in a list, and that of the parts of CUDA."""
    kept = [with_cpu(block) for block in blocks if not OF_CUDA.match(block)]
    cuda = [block for block in blocks if OF_CUDA.match(block)]
    return "\n".join(kept) + "\n", "\n".join(cuda) + "\n"


def main() -> None:
    run, cuda = parts_of(compiled([]))
    test, cuda_of_tests = parts_of(compiled(["test"]))
    if cuda != cuda_of_tests:
        sys.exit("the tests lock other parts of CUDA than a run: pin what differs in constraints.txt")
    for name, text in (("run", run), ("test", test), ("cuda", cuda)):
        (FOLDER / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
