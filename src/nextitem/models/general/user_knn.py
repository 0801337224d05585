"""UserKNN: what the users hold whose items are most like a history, by the cosine of sets of items.

Herlocker, Konstan, Borchers & Riedl, "An Algorithmic Framework for Performing Collaborative Filtering", SIGIR 1999, in
its form for implicit feedback. As a baseline to be reckoned with: Anelli et al., "Challenging the Myth of Graph
Collaborative Filtering", RecSys 2023, arXiv:2308.00404.

    similarity(A, B) = |A and B| / sqrt(|A| |B|)     score(j) = sum of the similarities of the nearest users who met j

It is SKNN whose candidates are all users. Similarities are computed when scores are, so that nothing quadratic is kept
and strangers are answered.
Departures: without shrinkage; equally similar users are taken by recency, then by their number.
"""

from __future__ import annotations

from nextitem.models.sequential.sknn import SKNN

ALL = 2**31 - 1  # rows that are compared with: more than there are


class UserKNN(SKNN):
    """UserKNN: what the users hold that share most items with a history, however long ago they met them.

    A user's own row is none of their neighbours, and anyone may ask. What is saved are the training rows themselves.

    Arguments:
        num_neighbours: how many of the nearest users are followed.
    """

    def __init__(self, num_items: int, num_neighbours: int = 146) -> None:
        """`num_neighbours`: the best on Gowalla (Anelli et al., RecSys 2023)."""
        super().__init__(num_items, num_neighbours, ALL)
