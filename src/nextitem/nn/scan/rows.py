"""Where the positions of each row stand in a flat array: rows of any length, with or without padding between them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nextitem.errors import InputError


@dataclass(frozen=True)
class Rows:
    """Row r is the positions starts[r] .. starts[r] + lengths[r] - 1 of arrays with `num_positions` of them.

    >>> Rows.packed(torch.tensor([2, 1])).starts.tolist()
    [0, 2]
    >>> Rows.padded(2, 3).starts.tolist()
    [0, 3]
    """

    starts: Tensor  # (R,) int64
    lengths: Tensor  # (R,) int64
    num_positions: int
    longest: int  # how wide the rows are when they are padded

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
            return cls(starts, torch.full_like(starts, width), num_rows * width, width)
        if lengths.shape != (num_rows,) or lengths.is_floating_point():
            raise InputError(f"lengths must be {num_rows} whole numbers, one a row; found shape {tuple(lengths.shape)}")
        if num_rows and not 0 <= int(lengths.min()) <= int(lengths.max()) <= width:
            raise InputError(
                f"lengths must lie between 0 and the {width} positions of a row; found "
                f"{int(lengths.min())} to {int(lengths.max())}"
            )
        return cls(starts.to(lengths.device), lengths.long(), num_rows * width, width)

    def places(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """(R, longest) positions of padded rows, 0 where there is none, and whether there is one."""
        steps = torch.arange(self.longest, device=device)
        is_real = steps < self.lengths.to(device)[:, None]
        return torch.where(is_real, self.starts.to(device)[:, None] + steps, 0), is_real

    def pad(self, flat: Tensor) -> Tensor:
        """(P, ..) -> (R, longest, ..), zero past a row's end."""
        places, is_real = self.places(flat.device)
        padded = flat[places]
        return padded * is_real.view(*is_real.shape, *[1] * (flat.dim() - 1)).to(flat.dtype)

    def flatten(self, padded: Tensor) -> Tensor:
        """(R, longest, ..) -> (P, ..), zero at positions of no row: the inverse of `pad`."""
        places, is_real = self.places(padded.device)
        flat = padded.new_zeros(self.num_positions, *padded.shape[2:])
        return flat.index_put((places[is_real],), padded[is_real])
