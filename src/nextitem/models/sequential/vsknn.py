"""VSKNN: session-based nearest neighbours in which the newest items of a history count most.

Ludewig & Jannach, "Evaluation of Session-based Recommendation Algorithms", UMUAI 2018, arXiv:1803.09587.
Code followed: session-rec (rn5l/session-rec), VMContextKNN with its similarity `vec`.
Departures:
- weights that fall linearly end at 0; there a test of the wrong number lets them become negative;
- items of the history are scored too: whether they may come back is said where scores are ranked;
- scores are not divided by the largest of a row, which changes no rank;
- places are counted without repeats, of which the last stays; there a repeat takes up a place;
- equally similar rows are taken by recency, then by their number.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from nextitem.errors import InputError
from nextitem.models.sequential.neighbour_model import NeighbourModel

Curve = Literal["same", "div", "linear", "quadratic", "log"]
CURVES: tuple[Curve, ...] = get_args(Curve)


class VSKNN(NeighbourModel):
    """VSKNN: what the rows hold that share the newest items of a history.

    similarity = sum of the weights of the items that both have / distinct items of the history; score(j) = sum of
    similarity * decay over the nearest rows that hold j, where the decay is that of their newest shared item.

    With i the place of an item in a history of n, and s = n - i + 1 how far back it lies (1: the newest):

    | name | weight | decay |
    |---|---|---|
    | same | 1 | 1 |
    | div | i / n | 1 / s |
    | linear | 1 - 0.1 (n - i), at least 0 | 1 - 0.1 s, at least 0 |
    | quadratic | (i / n)² | 1 / s² |
    | log | 1 / log10(n - i + 1.7) | 1 / log10(s + 1.7) |

    Arguments:
        num_neighbours: how many of the nearest rows are followed.
        sample_size: how many rows that share an item are compared with, the most recent ones.
        weighting: what an item of the history weighs in the similarity; a name above.
        decay: what the newest item that a row shares makes of its scores; a name above.
        idf: how much more a rare item counts: a score is multiplied by 1 + idf * ln(rows / rows with the item).
    """

    def __init__(
        self,
        num_items: int,
        num_neighbours: int = 100,
        sample_size: int = 1000,
        weighting: Curve = "div",
        decay: Curve = "div",
        idf: float = 0.0,
    ) -> None:
        """Defaults: session-rec's."""
        super().__init__(num_items, num_neighbours, sample_size, idf)
        if weighting not in CURVES or decay not in CURVES:
            raise InputError(f"weighting and decay are of {', '.join(CURVES)}; found {weighting!r} and {decay!r}")
        self.weighting, self.decay = weighting, decay

    def weights(self, places: Tensor, counts: Tensor) -> Tensor:
        return weight(self.weighting, places, counts) / counts

    def factors(self, places: Tensor, counts: Tensor) -> Tensor:
        return decay(self.decay, counts - places + 1)


def weight(curve: Curve, places: Tensor, counts: Tensor) -> Tensor:
    """What an item weighs that stands at place i of n."""
    if curve == "same":
        return torch.ones_like(places)
    if curve == "div":
        return places / counts
    if curve == "linear":
        return (1 - 0.1 * (counts - places)).clamp(min=0)
    if curve == "quadratic":
        return (places / counts).square()
    return 1 / (counts - places + 1.7).log10()


def decay(curve: Curve, steps: Tensor) -> Tensor:
    """What a row counts whose newest shared item lies so many steps back, 1 for the newest."""
    if curve == "same":
        return torch.ones_like(steps)
    if curve == "div":
        return 1 / steps
    if curve == "linear":
        return (1 - 0.1 * steps).clamp(min=0)
    if curve == "quadratic":
        return 1 / steps.square()
    return 1 / (steps + 1.7).log10()
