"""UltraGCN: what infinitely many layers of LightGCN would agree on, as weights of a loss, without propagation.

Mao et al., "UltraGCN: Ultra Simplification of Graph Convolutional Networks for Recommendation", CIKM 2021,
arXiv:2110.15114. Code followed: the authors', with its settings for Gowalla.
Departures:
- all rows of a batch share its negatives, so that their scores are one product: as right on average, and no longer
  independent. As in the code they are drawn from all items, those that were met too;
- the loss is a mean over rows, where the code has a sum, and the penalty, half of 1e-4 times the squares of all vectors
  beside a sum over 512 rows, is the optimizer's weight decay of 2e-7;
- without training, as where a loss is compared, the negatives are all items.

Sizes: B batch, U = num_users + 1, V = num_items + 1, K item_neighbours, N num_negatives, D dim.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.training_data import TrainingData
from nextitem.errors import InputError
from nextitem.keys import NotNegative, Positive
from nextitem.models.base import Trained
from nextitem.models.counting import interaction_matrix
from nextitem.models.initialise import initialise_normal
from nextitem.models.item_weights import from_common_users, largest
from nextitem.models.negatives import drawn_items
from nextitem.models.towers import TwoTower

SHARE = 0.25  # of V over the items that a user met, as `negative_weight`


class UltraGCN(TwoTower):
    """UltraGCN: matrix factorisation by a cross-entropy whose pairs weigh what LightGCN's limit makes of degrees.

    score(u, i) = p_u . q_i. With b_ui = sqrt((d_u + 1) / (d_i + 1)) / d_u, d how many items or users a node met, the
    loss has two parts. `interactions`: a pair weighs w_1 + w_2 b_ui, and against it `negative_weight` times the mean
    over the negatives, which weigh w_3 + w_4 b_uj. `items`: the user should also score the K items most like i, itself
    among them.

    Arguments:
        positive_weights: w_1 and w_2.
        negative_weights: w_3 and w_4.
        num_negatives: drawn for a batch, from all items.
        negative_weight: what the mean over the negatives counts for; None: a quarter of the number of items over how
            many a user met, on average. The authors' are .20 (Gowalla, 300), .31 (Yelp2018, 300) and .25 of that
            (Amazon-Book, 500). Far above it all scores fall, and what learns slowly stays popularity.
        item_neighbours: K, by the weights of the graph of items that share users.
        item_weight: what `items` counts for; 0 leaves it out.
    """

    takes_objective = False
    takes_weights = False
    loss = Trained.loss  # the sum of the parts
    is_prepared = False
    weight_against: float  # `negative_weight`, or what prepare makes of the data
    user_scale: Tensor  # (U,): sqrt(d_u + 1) / d_u, 0 of who met nothing
    item_scale: Tensor  # (V,): 1 / sqrt(d_i + 1)
    neighbours: Tensor  # (V, K) int64, PAD where there are fewer
    likeness: Tensor  # (V, K), 0 at the padding

    def __init__(
        self,
        num_users: int,
        num_items: int,
        dim: int = 64,
        positive_weights: tuple[float, float] = (1e-6, 1.0),
        negative_weights: tuple[float, float] = (1e-6, 1.0),
        num_negatives: Positive = 1500,
        negative_weight: NotNegative | None = None,
        item_neighbours: Positive = 10,
        item_weight: NotNegative = 5e-4,
    ) -> None:
        super().__init__(num_items)
        self.positive_weights, self.negative_weights = positive_weights, negative_weights
        self.num_negatives, self.negative_weight = num_negatives, negative_weight
        self.item_weight = item_weight
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.register_buffer("user_scale", torch.zeros(num_users + 1), persistent=False)
        self.register_buffer("item_scale", torch.zeros(num_items + 1), persistent=False)
        self.register_buffer("neighbours", torch.zeros(num_items + 1, item_neighbours).long(), persistent=False)
        self.register_buffer("likeness", torch.zeros(num_items + 1, item_neighbours), persistent=False)
        initialise_normal(self, std=1e-4)

    def prepare(self, train: TrainingData) -> None:
        met = interaction_matrix(train.rows, self.num_items)  # (R, V)
        of_user, of_item = met.sum(1), met.sum(0)
        scale = np.sqrt(of_user + 1) / np.maximum(of_user, 1) * (of_user > 0)
        self.user_scale.copy_(F.pad(torch.from_numpy(scale), (1, 0)))
        self.item_scale.copy_(torch.from_numpy(1 / np.sqrt(of_item + 1)))
        if self.item_weight:
            neighbours, likeness = most_alike(met, self.neighbours.shape[1])
            self.neighbours.copy_(torch.from_numpy(neighbours))
            self.likeness.copy_(torch.from_numpy(likeness))
        if self.negative_weight is None:
            self.weight_against = float(SHARE * self.num_items * (of_user > 0).sum() / max(1.0, of_user.sum()))
        else:
            self.weight_against = self.negative_weight
        self.is_prepared = True

    def user_vectors(self) -> Tensor:
        return self.user_embedding.weight

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def parts(self, batch: Batch) -> dict[str, Tensor]:
        if not self.is_prepared:
            raise InputError("UltraGCN weighs pairs by degrees: call prepare(train) before it is trained")
        users, targets = self.user_embedding(batch.users), batch.targets[:, 0]  # (B, D), (B,)
        own, of_user = (users * self.item_embedding(targets)).sum(1), self.user_scale[batch.users]
        one, two = self.positive_weights
        positive = (one + two * of_user * self.item_scale[targets]) * F.softplus(-own)
        negatives = drawn_items(self.num_items, self.num_negatives, self.training, users.device)
        three, four = self.negative_weights
        weights = three + four * of_user[:, None] * self.item_scale[negatives]  # (B, N)
        negative = (weights * F.softplus(users @ self.item_embedding(negatives).T)).mean(1)
        parts = {"interactions": (positive + self.weight_against * negative).mean()}
        if self.item_weight:
            near = self.item_embedding(self.neighbours[targets])  # (B, K, D)
            losses = (self.likeness[targets] * F.softplus(-(near @ users[..., None])[..., 0])).sum(1)
            parts["items"] = self.item_weight * losses.mean()
        return parts


def most_alike(met: csr_array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of who met what (R, V): the `count` items k of each item i with the largest w_ik, and those; (V, count) each.

    w_ik = G_ik / g_i * sqrt((g_i + 1) / (g_k + 1)), with G_ik how many users met both and g the sums of its rows, G_ii
    among them; so i may be among its own. The largest first; 0 where there are fewer.
    """
    sums = met.T @ met.sum(1, dtype=np.float64)  # g: of each item, how many items its users met

    def weigh(common: csr_array, block: np.ndarray) -> csr_array:
        rows, columns = common.tocoo().coords
        own = sums[block][rows]
        weights = common.data / own * np.sqrt((own + 1) / (sums[columns] + 1))
        return largest(csr_array((weights, common.indices, common.indptr), common.shape), count)

    table = from_common_users(met.astype(np.float64), weigh, count, "UltraGCN", "lower --model.item_neighbours")
    rows, columns = table.tocoo().coords
    order = np.lexsort((columns, -table.data, rows))
    places = np.arange(len(order)) - table.indptr[rows]
    neighbours, likeness = np.zeros((2, met.shape[1], count))
    neighbours[rows, places], likeness[rows, places] = columns[order], table.data[order]
    return neighbours.astype(np.int64), likeness.astype(np.float32)
