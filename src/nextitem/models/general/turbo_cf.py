"""TurboCF: a polynomial filter of the graph of items, no training.

Park, Shin & Shin, "Turbo-CF: Matrix Decomposition-Free Graph Filtering for Fast Recommendation", SIGIR 2024,
arXiv:2404.14243.

    R~ = D_u^-alpha R D_i^(alpha - 1)      P = R~' R~, each entry to the power `power`      score = r P (their filter 1)

Departures: their filters 2 and 3, which need the square and cube of P, are left out (filter 1 is their choice on two of
three data sets); P is made in blocks and never dense; those of CoOccurrence.
"""

from nextitem.models.general.co_occurrence import CoOccurrence


class TurboCF(CoOccurrence):
    """Turbo-CF: the items that share users with the history, by a low-pass filter of their graph, in closed form.

    Arguments:
        alpha: how the graph is normalised, between users (1) and items (0).
        power: of each entry of the graph; below 1 it brings frequent and rare pairs together.
        num_neighbours: how many of the largest weights of an item stay; None: all, as in the paper.
    """

    def __init__(
        self, num_items: int, alpha: float = 0.6, power: float = 0.7, num_neighbours: int | None = None
    ) -> None:
        """Alpha and power: the paper's for Gowalla; it has 1 and 1.4 as power of Yelp2018 and Amazon-Book."""
        super().__init__(num_items, 2 * alpha, 1 - alpha, 1 - alpha, power, num_neighbours)
