"""Similar items: which other item the same users met most, each user counting the less the more they met.

Liu et al., "Contrastive Self-supervised Sequential Recommendation with Robust Augmentation", 2021, arXiv:2108.06479;
code followed: CoSeRec's ItemCF-IUF. Departure: of equally similar items the lower number is taken.

Sizes: R rows, V = num_items + 1.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, diags_array

from nextitem.data.training_data import TrainingData
from nextitem.models.counting import interaction_matrix
from nextitem.models.item_weights import from_common_users, largest


def most_similar(train: TrainingData) -> np.ndarray:
    """(V,) the item j with the largest sum over the users u of both of 1 / ln(1 + |u|), divided by sqrt(c_i c_j); PAD
    where an item shares no user with another. |u| are the items of a user, c_i the users of an item.
    """
    met = interaction_matrix(train.rows, train.num_items).astype(np.float64)  # (R, V)
    of_user, norms = np.asarray(met.sum(1)), np.sqrt(np.asarray(met.sum(0)))
    shares = np.where(of_user > 0, 1 / np.log1p(np.maximum(of_user, 1.0)), 0.0)

    def nearest(common: csr_array, block: np.ndarray) -> csr_array:
        rows, columns = common.tocoo().coords
        similarities = common.data / (norms[block][rows] * norms[columns])
        similarities[columns == block[rows]] = 0.0  # nobody is their own neighbour
        return largest(csr_array((similarities, common.indices, common.indptr), common.shape), 1)

    table = from_common_users((diags_array(np.sqrt(shares)) @ met).tocsr(), nearest, 1, "the most similar items")
    rows, columns = table.tocoo().coords
    found = np.zeros(train.num_items + 1, dtype=np.int64)
    found[rows] = columns
    return found
