"""Checks of weights that come from a file, before anything computes with them."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from nextitem.errors import InputError


def check_weights(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Hold weights against a model's own: names, shapes, kinds of numbers, and that all are finite.

    An empty tensor of the model takes any length: it is a table whose entries only the data can count. The precision
    of numbers is free.

    Raises:
        InputError: the first difference.
    """
    missing, strange = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or strange:
        raise InputError(f"the model has {_some(missing)} that the file lacks, the file {_some(strange)} too many")
    for name, own in wanted.items():
        tensor = given[name]
        is_open = own.shape == (0,) and tensor.ndim == 1
        if tensor.shape != own.shape and not is_open:
            raise InputError(f"{name} has the shape {tuple(tensor.shape)}, the model needs {tuple(own.shape)}")
        if (tensor.dtype != own.dtype) if not own.is_floating_point() else not tensor.is_floating_point():
            raise InputError(f"{name} holds {tensor.dtype}, the model needs {own.dtype}")
        check_finite(name, tensor)


def check_finite(name: str, tensor: Tensor) -> None:
    """Raises InputError where a number is infinite or none at all."""
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        count = int((~tensor.isfinite()).sum())
        raise InputError(f"{name} holds {count:,} of {tensor.numel():,} numbers that are not finite")


def check_table(starts: Tensor, columns: Tensor, values: Tensor, num_items: int) -> None:
    """A compressed table, row r of which stands at starts[r] .. starts[r + 1]; its columns are items.

    Raises:
        InputError: a row or an item of it lies outside.
    """
    is_whole = len(columns) == len(values) == int(starts[-1]) and int(starts[0]) == 0
    if not is_whole or bool((starts.diff() < 0).any()):
        raise InputError(f"its rows do not add up to its {len(columns):,} entries")
    if len(columns) and not (int(columns.min()) >= 0 and int(columns.max()) <= num_items):
        raise InputError(
            f"its items run from {int(columns.min())} to {int(columns.max())}, the model has 0 to {num_items}"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "nothing"
