"""Contrast: two views of a row should be nearer to each other than to the views of other rows.

Sizes: N rows, D dim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce_of_views(one: Tensor, other: Tensor, temperature: float = 1.0) -> Tensor:
    """Of each of the 2 N views (N, D) twice: -log softmax over the 2 N - 1 others' inner products, at its twin. A mean.

    Chen et al. 2020 (SimCLR, NT-Xent), with inner products as CL4SRec takes them.

    >>> round(float(info_nce_of_views(torch.eye(2), torch.eye(2))), 4)  # log(1 + 2 / e)
    0.5514
    """
    views = torch.cat([one, other])  # (2N, D)
    scores = (views @ views.T / temperature).fill_diagonal_(float("-inf"))
    twins = torch.arange(len(views), device=views.device).roll(len(one))
    return F.cross_entropy(scores, twins)
