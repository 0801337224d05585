"""SANSA: EASE for large catalogues, whose inverse is approximated by two sparse factors.

Spišák, Bartyzal, Hoskovec, Peška & Tůma, "Scalable Approximate NonSymmetric Autoencoder for Collaborative Filtering",
RecSys 2023. Code read beside the paper: the authors' glami/sansa.

    A = X'X + l2 I,  A^-1 ~ M' D^-1 M,  M lower triangular with ones on its diagonal
    B = A^-1 / -diag(A^-1), kept as M and two diagonals: score = r M' D^-1 M / -diag(A^-1) + r, the history r

Departures: the authors factorise A incompletely (L D L'), raise its diagonal where that breaks down, scale X so that it
seldom does (which changes what l2 means), and invert L by minimal residuals. Here row j of M is what the definition of
L^-1 says on fewer items: minus the regression of item j on the `num_others` items that share most users with it, among
those that more users met; D holds the residuals. That is a factorised sparse approximate inverse (Kolotilina & Yeremin,
SIAM J. Matrix Anal. Appl. 1993): it cannot break down, has no steps to choose, and with all items it is EASE. Added is
r, as -1 is what the factors have on the diagonal, where EASE has 0.

Sizes: B batch, V = num_items + 1, K = V * (num_others + 1) entries at the most.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array, eye_array
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.memory import refuse_too_much
from nextitem.models.counting import interaction_matrix, multi_hot
from nextitem.models.general.edlae import penalties_of
from nextitem.models.item_problems import Problems, solved
from nextitem.models.item_weights import ItemWeights
from nextitem.nn.bags import embedding_bag

BYTES = 48  # of an entry while the factor is made; 12 are kept


class SANSA(ItemWeights):
    """SANSA: EASE by two sparse factors, so that neither memory nor time grows with the square of the catalogue.

    Kept are 12 bytes for each of num_items * (num_others + 1) entries at the most, and four times as much is held while
    they are made: 2.4 GB for a million items and 50 others. Beside it all pairs of items with common users, 8 bytes
    each.

    Arguments:
        l2: the penalty that all items have, as in EASE.
        dropout: the share of a history that is dropped in training, in closed form, as in EDLAE; 0 is EASE.
        num_others: how many items at the most an item is predicted from in a factor. What the product of the factors
            relates are far more. With as many as there are items it is EASE itself.
    """

    shares: Tensor  # (V,) float32: the diagonal of D^-1; M' is the table of `starts`, `items` and `weights`
    scales: Tensor  # (V,) float32: 1 / -diag(A^-1)

    def __init__(self, num_items: int, l2: float = 80.0, dropout: float = 0.0, num_others: int = 50) -> None:
        """`l2`: that of EASE on Gowalla in BARS (300 for Yelp2018, 50 for Amazon-Book)."""
        super().__init__(num_items)
        if l2 <= 0 or not 0 <= dropout < 1:
            raise InputError(f"l2 must be above 0 and dropout at least 0 and below 1, found {l2} and {dropout}")
        if num_others < 1:
            raise InputError(f"num_others must be at least 1, found {num_others}")
        self.l2, self.dropout, self.num_others = l2, dropout, num_others
        self.register_buffer("shares", torch.zeros(num_items + 1))
        self.register_buffer("scales", torch.zeros(num_items + 1))

    def fit(self, train: TrainingData) -> None:
        """Find the factor, row by row: an item on those with most common users.

        Raises:
            InputError: they, or the pairs of items with common users, are more than there is memory for.
        """
        refuse_too_much(
            "SANSA",
            BYTES * (self.num_items + 1) * (min(self.num_others, self.num_items) + 1),
            f"a factor of {self.num_items:,} items with {self.num_others:,} others each",
            "ask for fewer with --model.num_others",
        )
        met = interaction_matrix(train.rows, self.num_items)  # (R, V)
        counts = met.sum(0).astype(np.float64)
        order = np.argsort(-counts[1:], kind="stable") + 1  # the items by how many met them, the most popular first
        order = np.concatenate([[0], order])
        others, residuals = self._factors(csr_array(met[:, order]), counts[order])
        rows, columns = others.tocoo().coords
        size = others.shape[0]
        table = csr_array((-others.data.astype(np.float64), (order[rows], order[columns])), shape=(size, size))
        self.keep(csr_array(table + eye_array(size)))
        shares = np.empty(size)
        shares[order] = 1 / residuals
        diagonal = csr_array((self.weights.double().numpy() ** 2, self.items.numpy(), self.starts.numpy())) @ shares
        self.shares = torch.from_numpy(shares).to(self.shares)
        self.scales = torch.from_numpy(-1 / diagonal).to(self.scales)

    def _factors(self, met: csr_array, counts: np.ndarray) -> tuple[csr_array, np.ndarray]:
        """(V, V): at [i, j] what i adds to the prediction of j; and the residuals (V,), of items by popularity."""
        penalties = penalties_of(torch.from_numpy(counts), self.l2, self.dropout)
        residuals = torch.from_numpy(counts) + penalties

        def solve(problems: Problems) -> Tensor:
            gram, common = problems.gram.double(), problems.common.double()
            gram.diagonal(dim1=1, dim2=2).add_(penalties[problems.others])
            found = torch.cholesky_solve(common[..., None], torch.linalg.cholesky(gram))[..., 0]
            residuals[problems.items] -= (found * common).sum(1)
            return found

        above = 0.0 if self.num_others < self.num_items - 1 else -1.0  # all: those without common users as well
        return solved(met, self.num_others, above, "SANSA", solve, are_lower=True), residuals.numpy()

    def score(self, batch: Batch) -> Tensor:
        history = multi_hot(batch.inputs, self.num_items)
        latent = super().score(batch) * self.shares  # (B, V)
        # (V, B): M' times what stands at its columns, row by row
        columns = embedding_bag(self.items, latent.T.contiguous(), self.starts, self.weights, has_end=True)
        return torch.addcmul(history, columns.T, self.scales)
