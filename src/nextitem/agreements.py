"""Agreements: which compiled kernels agree with their plain forms here, noted beside what numba keeps of them.

A note is one small file a name and processor. It holds the circumstances it was found under (sources, versions, the
processor's features) and counts under these alone. A disagreement is never noted: it is found anew by every process, so
that it is said by every process, and ends with its cause.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nextitem.compiling import target_of_kernels
from nextitem.errors import InputError
from nextitem.writing import write


def circumstances(sources: Iterable[Path], **versions: str) -> str:
    """What an agreement depends on, a line each: the content of `sources`, versions, the processor."""
    digest = hashlib.sha256()
    for path in sorted(set(sources)):
        digest.update(path.read_bytes())
    found = versions | target_of_kernels() | {"sources": digest.hexdigest()}
    return "".join(f"{name}: {value}\n" for name, value in found.items())


def is_noted(folder: Path, name: str, found_under: str) -> bool:
    """Whether `name` was found to agree under the same circumstances."""
    try:
        return _place(folder, name).read_text(encoding="utf-8") == found_under
    except (OSError, UnicodeDecodeError):  # none, or one that no longer can be read: it is asked again
        return False


def note(folder: Path, name: str, found_under: str) -> None:
    """For later processes; where it cannot be written, each of them asks for itself."""
    with suppress(InputError):
        write(_place(folder, name), found_under.encode())


def _place(folder: Path, name: str) -> Path:
    """Machines that share a home folder have a file each, by their processors."""
    processor = hashlib.sha256(target_of_kernels()["processor"].encode()).hexdigest()[:8]
    return folder / f"{name.replace(' ', '-')}-{processor}.agrees"
