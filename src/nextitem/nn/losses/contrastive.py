"""Contrast: two views of a row should be nearer to each other than to the views of other rows.

Sizes: N rows, M nodes, D dim.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.nn.losses.full_score import full_cross_entropy


def info_nce_of_views(one: Tensor, other: Tensor, temperature: float = 1.0, kinds: Tensor | None = None) -> Tensor:
    """Of each of the 2 N views (N, D) twice: -log softmax over the 2 N - 1 others' inner products, at its twin. A mean.

    Chen et al. 2020 (SimCLR, NT-Xent), with inner products as CL4SRec takes them. Of rows of one kind (N,) none is
    compared with another: they are alike, and no examples of what is unlike.

    >>> round(float(info_nce_of_views(torch.eye(2), torch.eye(2))), 4)  # log(1 + 2 / e)
    0.5514
    >>> float(info_nce_of_views(torch.eye(2), torch.eye(2), kinds=torch.tensor([7, 7])))
    0.0
    """
    views = torch.cat([one, other])  # (2N, D)
    twins = torch.arange(len(views), device=views.device).roll(len(one))
    scores = (views @ views.T / temperature).fill_diagonal_(float("-inf"))
    if kinds is not None:
        is_alike = (kinds[:, None] == kinds).repeat(2, 2)
        is_alike[torch.arange(len(views), device=views.device), twins] = False
        scores = scores.masked_fill(is_alike, float("-inf"))
    return F.cross_entropy(scores, twins)


def info_nce_among_all(
    one: Tensor, other: Tensor, nodes: Tensor, temperature: float = 1.0, *, weight: Tensor | None = None
) -> Tensor:
    """Of each of `nodes` (N,): -log softmax over all nodes of its cosines with them, at its own twin. A mean.

    `one` and `other` (M, D) are two views of all nodes, of which row 0, the padding's, takes no part; the cosines of
    one[node] with `other` are divided by the temperature. `weight` (N,) of the nodes. The (N, M) cosines are never held
    at once.

    >>> twins = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> round(float(info_nce_among_all(twins, twins, torch.tensor([1, 2]))), 4)  # log(1 + 1 / e)
    0.3133
    """
    queries = F.normalize(one.index_select(0, nodes), dim=1) / temperature
    return full_cross_entropy(queries, F.normalize(other[1:], dim=1), nodes - 1, weight=weight)


def info_nce_of_rows(one: Tensor, other: Tensor, temperature: float = 1.0) -> Tensor:
    """Of each row of `one` (N, D): -log softmax over the rows of `other` (N, D) of its cosines with them, at its twin.

    A mean; the cosines are divided by the temperature. Unlike `info_nce_of_views` one view alone asks, and finds its
    twin among the other view's rows alone.

    >>> round(float(info_nce_of_rows(torch.eye(2), torch.eye(2))), 4)  # log(1 + 1 / e)
    0.3133
    """
    queries = F.normalize(one, dim=1) / temperature
    return full_cross_entropy(queries, F.normalize(other, dim=1), torch.arange(len(one), device=one.device))


def contrast_with_one(one: Tensor, other: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """The mean of -log(x / (2 x + a + b)) over rows (N, D): x is e^(cosine / temperature) of a row's two vectors.

    a and b are those of either vector with the other one of a row that is drawn. Yang et al. 2023 (KGRec).
    """
    one, other = F.normalize(one, dim=1), F.normalize(other, dim=1)
    drawn = torch.randperm(len(one), generator=generator).to(one.device)
    twins, a, b = ((x * y).sum(1) / temperature for x, y in ((one, other), (one, other[drawn]), (other, one[drawn])))
    return (torch.stack([twins + math.log(2), a, b]).logsumexp(0) - twins).mean()
