"""export: a finished run as one file, whose ending says what it becomes."""

from __future__ import annotations

from pathlib import Path

from nextitem.errors import InputError, expect
from nextitem.runs.export.bundle import write_bundle
from nextitem.runs.export.onnx_file import write_onnx
from nextitem.runs.export.torch_file import write_torch
from nextitem.runs.folder.opened import Opened

ENDINGS = {
    ".zip": "a bundle, which nextitem.load and the commands open",
    ".onnx": "a graph from indices to scores, for other programs",
    ".pt2": "the same as a program of torch.export",
}


def export(run: Opened, path: str | Path, histories: bool = False) -> None:
    """Write a run into one file, whole or not at all; what stood there is replaced.

    `histories` takes those of the users into a bundle: personal data.

    Raises:
        InputError: another ending, histories that the run does not keep or that are asked for of what holds none, or
            the file cannot be written.
    """
    expect("path", path, (str, Path), "name a file, such as bundle.zip")
    path = Path(path)
    check_ending(path, histories)
    if path.suffix == ".onnx":
        write_onnx(run, path)
        return
    if path.suffix == ".pt2":
        write_torch(run, path)
        return
    if histories:
        _ = run.histories  # refused where there are none, or damaged ones
    write_bundle(run.folder, path, histories=histories)


def check_ending(path: Path, histories: bool = False) -> None:
    """Raises InputError where the ending says nothing that a run can become, or something without histories."""
    if path.suffix not in ENDINGS:
        known = "; ".join(f"{ending}: {what}" for ending, what in ENDINGS.items())
        raise InputError(f"a run is exported by the ending of the file's name, found {path.name!r}; {known}")
    if histories and path.suffix != ".zip":
        raise InputError(
            f"{path.name} holds no histories, a bundle does; leave --histories out, or take --to bundle.zip"
        )
