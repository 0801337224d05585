"""What a knowledge model holds of the edges of its graph, by which the paths of an explanation are weighed."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class WeighsEdges(Protocol):
    """A model that says how much an edge counts: by attention where it has that, else by how true it holds it."""

    def edge_weights(self, user: int, item: int, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """(P,) at least 0: how much each of these edges counts when `item` is scored for `user`.

        Edges are triples of the data, heads (P,) and tails (P,) numbered as its entities, relations (P,) from 1; they
        are comparable among each other, and one of twice the weight counts twice as much.
        """
        ...
