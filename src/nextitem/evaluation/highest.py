"""Highest: the best scores of each row, and of equal ones the first; what makes a list the same on every machine.

Sizes: B rows, C columns, k places.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nextitem.nn.kernels.checking import Family, drawn
from nextitem.nn.kernels.listing import highest

TORN_ROWS = 64  # that are looked at once
FEW = 2**16  # scores that are not worth a loop's compiling


def first_of_highest(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(B, C) -> the highest scores of each row (B, min(k, C)), descending, and their columns; of equal scores the first
    columns, which torch's own topk does not promise."""
    k = min(k, scores.shape[1])
    return _compiled(scores, k) if scores.numel() > FEW and k and LISTS.runs(scores) else _plain(scores, k)


def _compiled(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    top, columns, has_nan = highest(scores.detach(), k)
    return _plain(scores, k) if has_nan else (top, columns)


def _plain(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    top, columns = scores.topk(k, 1)
    columns, order = columns.sort(1)
    top, order = top.gather(1, order).sort(dim=1, descending=True, stable=True)
    columns = columns.gather(1, order)
    is_torn = (scores >= top[:, -1:]).sum(1) > k  # a tie goes on behind the list
    torn = is_torn.nonzero()[:, 0]
    for start in range(0, len(torn), TORN_ROWS):
        rows = torn[start : start + TORN_ROWS]
        top[rows], columns[rows] = _first_of_torn(scores[rows], top[rows, -1:], k)
    return top, columns


def _first_of_torn(scores: Tensor, last: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The same of rows in which more than k scores are as high as the k-th, `last` (B, 1)."""
    is_in, is_last = scores > last, scores == last
    is_in |= is_last & (is_last.cumsum(1, dtype=torch.int32) <= k - is_in.sum(1, keepdim=True))
    columns = is_in.nonzero()[:, 1].view(len(scores), k)
    values, order = scores.gather(1, columns).sort(dim=1, descending=True, stable=True)
    return values, columns.gather(1, order)


def _examples() -> list[Any]:
    """Rows one behind the other, and items; with ties, and more rows than stand side by side."""
    (scores,) = drawn((11, 300))
    scores = (scores * 20).round()
    return [(scores, 10), (scores.T.contiguous().T, 10), (scores[:, :7].contiguous(), 7)]


LISTS = Family("highest scores", _compiled, _plain, _examples)
