"""CoOccurrence: items that the same users met, weighed by how much those users and items meet: one formula, six models.

    W[i, j] = (sum over users u of both of d_u^-p d_i^-q d_j^-s)^e        score(j) = sum of W[i, j], i in the history

with d the number of a user's items and of an item's users. Sources, and what they choose:

    |                | p  | q   | s   | e     | kept                                     |
    | ItemKNN        | 0  | 1/2 | 1/2 | 1     | k a column (Deshpande & Karypis: k a row) |
    | P3alpha        | a  | a   | 0   | 1     | k a row                                   |
    | RP3beta        | a  | a   | b   | 1     | k a row, which then sum to one            |
    | GF-CF, linear  | 1  | 1/2 | 1/2 | 1     | all                                       |
    | Turbo-CF       | 2a | 1-a | 1-a | power | all                                       |

Cooper et al., "Random Walks in Recommender Systems", WWW 2014 (P3alpha); Paudel et al., "Updatable, Accurate, Diverse,
and Scalable Recommendations for Interactive Applications", TiiS 2017 (RP3beta); Shen et al., "How Powerful is Graph
Convolution for Recommendation?", CIKM 2021, arXiv:2108.07567 (GF-CF); Park et al., "Turbo-CF", SIGIR 2024,
arXiv:2404.14243. That they are one formula for binary data: each is a product of two scaled interaction matrices.
Departures: the diagonal, which only adds to items that were met already, is left out everywhere; of equal weights the
lower item number is kept, so that every machine keeps the same.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, diags_array

from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.models.counting import interaction_matrix
from nextitem.models.item_weights import ItemWeights, from_common_users, largest


class CoOccurrence(ItemWeights):
    """Items that the same users met, with users and items discounted by their degrees.

    W[i, j] = (sum over the users of both of d_u^-user_power * d_i^-history_power * d_j^-item_power)^power, where d
    counts a user's items and an item's users, and the score of j is the sum of W[i, j] over the items i of the history.

    Arguments:
        user_power: how much less users with many items count; 0 is ItemKNN's, 1 random walks' and GF-CF's.
        history_power: how much less items that many met count, in the history.
        item_power: how much less they are recommended.
        power: of the whole weight; below 1 it brings large and small ones together.
        num_neighbours: how many of the largest weights of an item of the history stay; None: all.
        normalise: whether the weights of an item of the history are divided by their sum.
    """

    def __init__(
        self,
        num_items: int,
        user_power: float = 1.0,
        history_power: float = 0.5,
        item_power: float = 0.5,
        power: float = 1.0,
        num_neighbours: int | None = 500,
        normalise: bool = False,
    ) -> None:
        """The exponents are those of GF-CF's linear part."""
        super().__init__(num_items)
        if power <= 0 or (num_neighbours is not None and num_neighbours < 1):
            raise InputError(f"power must be above 0, num_neighbours 1 or more: {power}, {num_neighbours}")
        self.user_power, self.history_power, self.item_power = user_power, history_power, item_power
        self.power, self.num_neighbours, self.normalise = power, num_neighbours, normalise

    def fit(self, train: TrainingData) -> None:
        met = interaction_matrix(train.rows, self.num_items).astype(np.float64)  # (R, V)
        of_user, of_item = met.sum(1), met.sum(0)
        by_user = (diags_array(_discounts(of_user, self.user_power / 2)) @ met).tocsr()
        in_history, as_item = _discounts(of_item, self.history_power), _discounts(of_item, self.item_power)

        def weigh(common: csr_array, block: np.ndarray) -> csr_array:
            rows, columns = common.tocoo().coords
            weights = (common.data * in_history[block][rows] * as_item[columns]) ** self.power
            weights[columns == block[rows]] = 0.0
            table = csr_array((weights, common.indices, common.indptr), common.shape)
            kept = largest(table, self.num_items if self.num_neighbours is None else self.num_neighbours)
            return _with_sums_of_one(kept) if self.normalise else kept

        self.keep(from_common_users(by_user, weigh, self.num_neighbours, type(self).__name__))


def _discounts(degrees: np.ndarray, power: float) -> np.ndarray:
    """d^-power, and 0 for what was never met."""
    return np.where(degrees > 0, np.maximum(degrees, 1.0) ** -power, 0.0)


def _with_sums_of_one(table: csr_array) -> csr_array:
    sums = np.asarray(table.sum(1))
    return (diags_array(np.divide(1.0, sums, out=np.zeros_like(sums), where=sums > 0)) @ table).tocsr()
