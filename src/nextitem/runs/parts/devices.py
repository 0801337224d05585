"""The device that a run computes on, asked for at the door."""

from __future__ import annotations

import torch

from nextitem.errors import InputError


def check_device(device: str) -> None:
    """Raises InputError where torch has no such device here; `cpu` and `auto` always pass."""
    if device == "cuda" and not torch.cuda.is_available():
        why = "sees no GPU" if torch.version.cuda or torch.version.hip else "was built for CPUs alone"
        raise InputError(f"training.device: there is no cuda here, torch {torch.__version__} {why}; {_others()}")
    if device == "mps" and not torch.backends.mps.is_available():
        raise InputError(f"training.device: there is no mps here, which is a Mac's GPU; {_others()}")


def _others() -> str:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return "take cpu" if found is None else f"take {found.type}, cpu, or auto for whatever there is"
