"""Machine: system, processor, cores, memory, and room on the disks that are written to."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nextitem.compiling import target_of_kernels
from nextitem.cores import usable_cores
from nextitem.data.sources.public.cache import cache_folder
from nextitem.installation.fact import Fact
from nextitem.memory import usable_memory

GIB = 2**30
LITTLE_DISK, LITTLE_MEMORY = 1 * GIB, 1 * GIB
UNITS = ("amx-tile", "avx512bf16", "avx512f", "avx2", "neon")  # of the processor, the widest first
TOLD = ("NEXTITEM_", "NUMBA_", "OMP_", "MKL_", "KMP_", "CUDA_VISIBLE", "PYTORCH_")


def machine_facts() -> list[Fact]:
    return [
        Fact("machine", "system", platform.platform()),
        Fact("machine", "python", platform.python_version()),
        Fact("machine", "processor", _processor()),
        Fact("machine", "cores", f"{usable_cores()} to use, of {os.cpu_count()}"),
        _memory(Path("/proc/meminfo")),
        *(_disk(name, folder) for name, folder in _folders().items()),
        *(_writable(name, folder) for name, folder in _folders().items()),
    ]


def environment_facts(environment: Mapping[str, str]) -> list[Fact]:
    """The variables that change what a run does or how fast it is."""
    told = sorted(name for name in environment if name.startswith(TOLD))
    return [Fact("environment", name, environment[name]) for name in told]


def _folders() -> dict[str, Path]:
    return {"here": Path.cwd(), "downloads": cache_folder(), "temporary": Path(tempfile.gettempdir())}


def _processor() -> str:
    target = target_of_kernels()
    features = {word[1:] for word in target["features"].split(",") if word.startswith("+")}
    units = [name for name in UNITS if name in features]
    return f"{target['processor']} ({', '.join(units) or 'no vector units that are known here'})"


def _memory(file: Path) -> Fact:
    """What Linux says, within the limit of a container; other systems do not say it in a file."""
    if not file.exists():
        return Fact("machine", "memory", "not told by this system")
    lines = dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
    usable = usable_memory()
    free, total = (min(int(lines[name].split()[0]) * 1024, usable) for name in ("MemAvailable", "MemTotal"))
    found = f"{free / GIB:.1f} GiB free of {total / GIB:.1f}"
    if free < LITTLE_MEMORY:
        return Fact("machine", "memory", found, "slow", "end what else runs, or take smaller batches and blocks")
    return Fact("machine", "memory", found)


def _existing(folder: Path) -> Path:
    """It, or the nearest folder above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _disk(name: str, folder: Path) -> Fact:
    free = shutil.disk_usage(_existing(folder)).free
    found = f"{free / GIB:.1f} GiB free at {folder}"
    if free < LITTLE_DISK:
        return Fact("disks", name, found, "broken", "make room: a run that can't write its checkpoint ends")
    return Fact("disks", name, found)


def _writable(name: str, folder: Path) -> Fact:
    place = _existing(folder)
    if os.access(place, os.W_OK):
        return Fact("folders", name, f"{folder} can be written")
    ways = {
        "here": "change to a folder of yours, or name one: --out FOLDER",
        "downloads": "set NEXTITEM_CACHE to a folder of yours",
        "temporary": "set TMPDIR to a folder of yours",
    }
    return Fact("folders", name, f"{folder} can't be written", "slow" if name == "here" else "missing", ways[name])
