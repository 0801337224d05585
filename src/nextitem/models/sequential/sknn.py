"""SKNN: session-based nearest neighbours; recommended is what the rows most like a history hold, by sets of items.

Jannach & Ludewig, "When Recurrent Neural Networks Meet the Neighborhood for Session-Based Recommendation", RecSys 2017,
doi:10.1145/3109859.3109872. Code followed: session-rec (rn5l/session-rec), with the cosine of the paper.
Departures:
- that code's cosine multiplies by the root of the neighbour's length where the paper divides, so that long rows win;
- items of the history are scored too: whether they may come back is said where scores are ranked;
- candidates are all rows that share an item with the history, as one takes them in at once; there they are gathered
  click by click, and cut each time;
- equally similar rows are taken by recency, then by their number.
"""

from __future__ import annotations

from torch import Tensor

from nextitem.models.sequential.neighbour_model import NeighbourModel


class SKNN(NeighbourModel):
    """SKNN: what the rows hold that share most items with a history.

    similarity(A, B) = |A and B| / sqrt(|A| |B|), of sets of items; score(j) = sum of the similarities of the nearest
    rows that hold j.

    Arguments:
        num_neighbours: how many of the nearest rows are followed.
        sample_size: how many rows that share an item are compared with, the most recent ones.
    """

    def __init__(self, num_items: int, num_neighbours: int = 100, sample_size: int = 1000) -> None:
        """Defaults: session-rec's, whose configurations have a sample of 500 or 1,000."""
        super().__init__(num_items, num_neighbours, sample_size)

    def weights(self, places: Tensor, counts: Tensor) -> Tensor:
        return counts.rsqrt().expand_as(places)

    def row_norms(self, sizes: Tensor) -> Tensor:
        return sizes.rsqrt()
