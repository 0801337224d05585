"""gSASRec: SASRec that learns from many sampled negatives by a calibrated binary cross-entropy, gBCE (the recipe).

Petrov & Macdonald, "gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with Negative Sampling",
RecSys 2023, arXiv:2308.07192. Code followed: the authors' gSASRec-pytorch.
Departures: padding stands after the newest item, positions count back from it, layer norms have SASRec's epsilon (1e-8,
theirs 1e-5), a negative that is drawn although it is the target is struck out, and an epoch is all users.
"""

from __future__ import annotations

from nextitem.models.initialise import initialise_as_torch
from nextitem.models.sequential.sasrec import SASRec


class GSASRec(SASRec):
    """GSASRec: SASRec as gSASRec's authors have it, made for binary cross-entropies of many negatives (gBCE).

    The `original` layout without a map after the heads and without sqrt(dim); items are scored by a second table; first
    weights are torch's own, embeddings from N(0, 1). Sizes and dropout are the authors' for MovieLens-1M.

    With k negatives gBCE wants all scores log(k / beta) lower than binary cross-entropy does, about 7 for 256 negatives
    of 12,000 items. Nothing but the vectors can bring them there. A table of its own follows at once; a tied one, which
    is also what the states are made of, stays on a plateau for long.

    Arguments:
        max_length: how many of the newest items it sees.
        tied: score with the input embedding of an item instead (the authors' `reuse_item_embeddings`).
    """

    def __init__(
        self,
        num_items: int,
        dim: int = 128,
        num_layers: int = 2,
        num_heads: int = 1,
        dropout: float = 0.5,
        max_length: int = 200,
        tied: bool = False,
    ) -> None:
        super().__init__(
            num_items, dim, num_layers, num_heads, dropout, max_length, norm="original", tied=tied,
            scale_embeddings=False, projection=False,
        )  # fmt: skip
        initialise_as_torch(self)
