"""Where the positions of each row stand in a flat array: rows of any length, with or without padding between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from nextitem.errors import InputError
from nextitem.nn.kernels.choose import is_followed
from nextitem.nn.once import once_differentiable


@dataclass(frozen=True)
class Rows:
    """Row r is the positions starts[r] .. starts[r] + lengths[r] - 1 of arrays with `num_positions` of them.

    The rows stand in order, none over another: rows that fill a padded array follow each other in it as here.

    >>> Rows.packed(torch.tensor([2, 1])).starts.tolist()
    [0, 2]
    >>> Rows.padded(2, 3).starts.tolist()
    [0, 3]
    """

    starts: Tensor  # (R,) int64
    lengths: Tensor  # (R,) int64
    num_positions: int
    longest: int  # how wide the rows are when they are padded
    is_full: bool = False  # each row is `longest` positions, so that where they stand need not be looked for

    @classmethod
    def packed(cls, lengths: Tensor) -> Rows:
        """Rows that follow one another without padding."""
        ends = lengths.cumsum(0)
        num_positions = int(ends[-1]) if len(ends) else 0
        return cls(ends - lengths, lengths, num_positions, int(lengths.max()) if len(lengths) else 0)

    @classmethod
    def padded(cls, num_rows: int, width: int, lengths: Tensor | None = None) -> Rows:
        """Rows of `width` positions, of which the first `lengths` (by default all) count.

        Raises:
            InputError: lengths that do not fit.
        """
        starts = torch.arange(num_rows) * width
        if lengths is None:
            return cls(starts, torch.full_like(starts, width), num_rows * width, width, is_full=width > 0)
        if lengths.shape != (num_rows,) or lengths.is_floating_point():
            raise InputError(f"lengths must be {num_rows} whole numbers, one a row; found shape {tuple(lengths.shape)}")
        if num_rows and not 0 <= int(lengths.min()) <= int(lengths.max()) <= width:
            raise InputError(
                f"lengths must lie between 0 and the {width} positions of a row; found "
                f"{int(lengths.min())} to {int(lengths.max())}"
            )
        return cls(starts.to(lengths.device), lengths.long(), num_rows * width, width)

    def pad(self, flat: Tensor, width: int | None = None) -> Tensor:
        """(P, ..) -> (R, width or longest, ..), zero past a row's end."""
        width = self.longest if width is None else width
        if self.is_full and width == self.longest and is_followed():  # who follows finds no sizes among numbers
            return flat.view(len(flat) // width, width, *flat.shape[1:])
        positions, slots = self._matched(width, flat.device)
        padded = _moved(flat, positions, slots, len(self.lengths) * width)
        return padded.view(len(self.lengths), width, *flat.shape[1:])

    def flatten(self, padded: Tensor) -> Tensor:
        """(R, longest or more, ..) -> (P, ..), zero at positions of no row: the inverse of `pad`."""
        if self.is_full and padded.shape[1] == self.longest and is_followed():
            return padded.flatten(0, 1)
        positions, slots = self._matched(padded.shape[1], padded.device)
        return _moved(padded.flatten(0, 1), slots, positions, self.num_positions)

    def check(self, flat: Tensor) -> None:
        """Raises InputError where an array has another number of positions: a kernel would leave it."""
        if len(flat) != self.num_positions:
            raise InputError(f"the rows have {self.num_positions} positions, the array has {len(flat)}")

    def _matched(self, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """(N,) each: the positions that belong to a row, and where they stand in rows of `width` places."""
        if (width, device) not in self._known:  # looking for them, a GPU is waited for
            is_real = torch.arange(self.longest, device=device) < self.lengths.to(device)[:, None]
            rows, steps = is_real.nonzero(as_tuple=True)
            self._known[width, device] = self.starts.to(device)[rows] + steps, rows * width + steps
        return self._known[width, device]

    @cached_property
    def _known(self) -> dict[tuple[int, torch.device], tuple[Tensor, Tensor]]:
        return {}


def _moved(lines: Tensor, sources: Tensor, places: Tensor, size: int) -> Tensor:
    if is_followed():
        return _move(lines, sources, places, size)
    moved: Tensor = _Moved.apply(lines, sources, places, size)  # type: ignore[no-untyped-call]
    return moved


class _Moved(Function):
    """Lines of one array at places of another, zero elsewhere. No line is taken twice: the gradient moves back."""

    @staticmethod
    def forward(ctx: Any, lines: Tensor, sources: Tensor, places: Tensor, size: int) -> Tensor:
        ctx.size = len(lines)
        ctx.save_for_backward(sources, places)
        return _move(lines, sources, places, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        sources, places = ctx.saved_tensors
        return _move(gradients[0], places, sources, ctx.size), None, None, None


def _move(lines: Tensor, sources: Tensor, places: Tensor, size: int) -> Tensor:
    taken = lines.index_select(0, sources)
    return taken if len(places) == size else taken.new_zeros(size, *taken.shape[1:]).index_copy_(0, places, taken)
