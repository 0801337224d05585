"""RP3beta: a random walk from the history over users to items, which popular items are divided out of.

Paudel, Christoffel, Newell & Bernstein, "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive
Applications", TiiS 2017; with beta 0 it is P3alpha (Cooper et al., WWW 2014). As a baseline to be reckoned
with: Ferrari Dacrema et al., "Are We Really Making Much Progress?", RecSys 2019, arXiv:1907.06902.

    W[i, j] = sum over the users u of both of d_u^-alpha d_i^-alpha d_j^-beta, the largest of a row over their sum

Departures: those of CoOccurrence; repeats count once.
"""

from nextitem.models.general.co_occurrence import CoOccurrence


class RP3beta(CoOccurrence):
    """RP3beta: a random walk of three steps, history to users to items, that favours popular items less.

    Arguments:
        alpha: the power of the chances of each step; 1 is the walk itself.
        beta: how much less popular items are recommended; 0 is P3alpha.
        num_neighbours: how many items an item of the history leads to.
        normalise: whether their weights are divided by their sum after the others went; it matters.
    """

    def __init__(
        self,
        num_items: int,
        alpha: float = 0.6,
        beta: float = 0.3,
        num_neighbours: int | None = 500,
        normalise: bool = True,
    ) -> None:
        """Between what was found best on Gowalla, Yelp2018 and Amazon-Book (Anelli et al., RecSys 2023): alpha .45 to
        .77, beta 0 to .6, 340 to 780 neighbours. Theirs of the paper, alpha 1 and beta .5, is far below.
        """
        super().__init__(num_items, alpha, alpha, beta, 1.0, num_neighbours, normalise)
