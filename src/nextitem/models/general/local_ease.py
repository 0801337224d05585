"""LocalEASE: EASE for large catalogues; an item is predicted from those alone that it was met with most often.

After Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019, arXiv:1910.09645, whose sparse model this
simplifies: there one matrix is solved for several items, here each item has one of its own.

    for item j and its others O: w = (G_OO + L_OO)^-1 G_Oj, the column of EASE if O were all items; G = X'X,
    L = l2 I + dropout / (1 - dropout) diag(G), as in EDLAE

It is for what SANSA is for, whose sparse factors relate more items for the same memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.counting import interaction_matrix
from nextitem.models.general.edlae import penalties_of
from nextitem.models.item_problems import Problems, solved
from nextitem.models.item_weights import ItemWeights


class LocalEASE(ItemWeights):
    """LocalEASE: EASE on catalogues whose square fits no memory; with as many others as items it is EASE.

    score(j) = sum of weights[i, j] over the items i of the history. An item's weights are its ridge regression on the
    items that share most users with it. Kept are 12 bytes for each of num_items * num_others weights (250 MB for 41,000
    items and 500 others); fitting holds all pairs of items with common users, 8 bytes each.

    Arguments:
        l2: the penalty that all items have.
        dropout: the share of a history that is dropped in training, in closed form; 0 is EASE.
        num_others: from how many items an item is predicted at the most, those with most common users.
    """

    def __init__(self, num_items: int, l2: float = 80.0, dropout: float = 0.0, num_others: int = 500) -> None:
        """`l2`: that of EASE on Gowalla in BARS (300 for Yelp2018, 50 for Amazon-Book)."""
        super().__init__(num_items)
        if l2 <= 0 or not 0 <= dropout < 1:
            raise InputError(f"l2 must be above 0 and dropout at least 0 and below 1, found {l2} and {dropout}")
        if num_others < 1:
            raise InputError(f"num_others must be at least 1, found {num_others}")
        self.l2, self.dropout, self.num_others = l2, dropout, num_others

    def fit(self, train: TrainingData) -> None:
        met = interaction_matrix(train.rows, self.num_items)
        above = 0.0 if self.num_others < self.num_items - 1 else -1.0  # all: those without common users as well
        self.keep(solved(met, self.num_others, above, "LocalEASE", self._solve))

    def _solve(self, problems: Problems) -> Tensor:
        gram = problems.gram.double()
        diagonal = gram.diagonal(dim1=1, dim2=2)
        diagonal += penalties_of(diagonal, self.l2, self.dropout)
        return torch.cholesky_solve(problems.common.double()[..., None], torch.linalg.cholesky(gram))[..., 0]
