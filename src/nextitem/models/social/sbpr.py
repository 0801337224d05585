"""SBPR: what a user met ranks above what friends met, and that above the rest.

Zhao, McAuley & King, "Leveraging Social Connections to Improve Personalized Ranking for Collaborative Filtering",
CIKM 2014: its SBPR-1.
Code followed: none. LibRec misses the first of a user's friends' items and draws users alike; QRec indexes a dictionary
by a list, tests the wrong set, and draws random items as friends' where there are none.
Departures:
- an epoch takes each interaction once, with an item of friends and another drawn for it, on Adam;
- the paper's penalty is the optimizer's weight decay;
- who trusts whom is taken with its direction, each pair once: friends of a user are those whom the user trusts.

Sizes: B batch, U = num_users + 1, V = num_items + 1, H pairs of a user and an item that friends met, D dim.
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
from nextitem.keys import Positive
from nextitem.models.counting import interaction_matrix
from nextitem.models.initialise import initialise_xavier
from nextitem.models.social.edges import trusting
from nextitem.models.towers import TwoTower
from nextitem.nn.losses.reduction import mean_over_targets
from nextitem.nn.samplers.base import Repeatable
from nextitem.nn.samplers.history import History
from nextitem.nn.samplers.uniform import UniformSampler


class SBPR(TwoTower):
    """SBPR: matrix factorisation that ranks a user's items above those of friends, and these above all others.

    score(u, i) = p_u . q_i + b_i. For an interaction of u with i, an item k that s friends of u met and u did not, and
    an item j that neither met, the loss is -log sigmoid((x_i - x_k) / (1 + s)) - log sigmoid(x_k - x_j), x the scores:
    the more friends met k, the nearer it may come to i. A user whose friends met nothing new has BPR's, of i and j.

    Arguments:
        max_pairs: how many pairs of a user and an item that a friend met there may be, counted for each friend; they
            take at most 40 bytes each while they are counted.
    """

    needs = ("trust",)
    takes_objective = False

    def __init__(self, num_users: int, num_items: int, dim: int = 64, max_pairs: Positive = 200_000_000) -> None:
        super().__init__(num_items)
        self.max_pairs = max_pairs
        self.user_embedding = nn.Embedding(num_users + 1, dim, padding_idx=PAD)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)
        self.item_bias = nn.Parameter(torch.zeros(num_items + 1, 1))
        self.of_friends: FriendsItems | None = None
        self.others: UniformSampler | None = None
        initialise_xavier(self)
        nn.init.zeros_(self.item_bias)

    def prepare(self, train: TrainingData) -> None:
        """Count what friends met.

        Raises:
            InputError: there are more than `max_pairs`, or a user and friends have met every item.
        """
        met, friends = interaction_matrix(train.rows, self.num_items), _matrix_of(train)
        if (pairs := int(friends.sum(0) @ np.diff(met.indptr))) > self.max_pairs:
            raise InputError(
                f"SBPR keeps who met what a friend met, up to {pairs:,} pairs or {40 * pairs / 1e9:.1f} GB, and "
                f"max_pairs is {self.max_pairs:,}; raise it where there is memory, or take DiffNet"
            )
        theirs = friends @ met
        new = csr_array(theirs - theirs * met)
        new.eliminate_zeros()
        either = csr_array(met + theirs)
        for one in (new, either):
            one.sort_indices()
        self.of_friends = FriendsItems(_tensor(new.indices), _offsets(new), _tensor(new.data))
        self.others = UniformSampler(self.num_items, _tensor(either.indices), _offsets(either))

    def user_vectors(self) -> Tensor:
        users = self.user_embedding.weight
        return torch.cat([users, users.new_ones(len(users), 1)], 1)

    def item_vectors(self) -> Tensor:
        return torch.cat([self.item_embedding.weight, self.item_bias], 1)

    def loss(self, batch: Batch) -> Tensor:
        met, (new, counts), others = batch.targets[:, 0], *self._drawn(batch)
        users = self.user_embedding(batch.users)
        of_met, of_new, of_others = (
            (users * self.item_embedding(items)).sum(1) + self.item_bias[items, 0] for items in (met, new, others)
        )
        nearer = F.softplus((of_new - of_met) / (1 + counts)) + F.softplus(of_others - of_new)
        losses = torch.where(counts > 0, nearer, F.softplus(of_others - of_met))
        return mean_over_targets(losses, batch.weight_at((slice(None), 0)))

    def _drawn(self, batch: Batch) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """For each row an item of friends with how many met it, 0 where there is none, and another item."""
        if self.of_friends is None or self.others is None:
            raise InputError(
                "SBPR was loaded without its network: it scores, and to train it call prepare(train) first"
            )
        seed = int(torch.randint(2**30, ())) if self.training else 0
        places = self.of_friends.draw_fixed(batch.users, batch.targets[:, 0], 1, 2 * seed)[:, 0]
        others = self.others.draw_fixed(batch.users, batch.targets[:, 0], 1, 2 * seed + 1)[:, 0]
        return self.of_friends.at(batch.users, places), others


class FriendsItems(Repeatable):
    """What friends of a user met and the user did not, and how many of them; what is drawn are places in it."""

    counts: Tensor  # (H,) how many friends met it

    def __init__(self, items: Tensor, offsets: Tensor, counts: Tensor) -> None:
        """`items[offsets[u] : offsets[u + 1]]` are those of user u; `counts` stand beside them."""
        super().__init__()
        self.history = History(items, offsets)
        self.register_buffer("counts", counts.float(), persistent=False)

    def items_of(self, users: Tensor, numbers: Tensor) -> Tensor:
        within = (numbers * self.history.lengths[users][:, None]).long()
        return self.history.offsets[users][:, None] + within

    def at(self, users: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) users and places -> (B,) and (B,): the item there and its count, 0 and 0 of a user who has none."""
        has_any = self.history.lengths[users] > 0
        if not len(self.counts):
            return torch.zeros_like(users), torch.zeros_like(users, dtype=torch.float32)
        places = places.clamp(max=len(self.counts) - 1)
        return self.history.items[places] * has_any, self.counts[places] * has_any


def _matrix_of(train: TrainingData) -> csr_array:
    """(R, R): 1 where the user of a row trusts that of a column."""
    edges, count = trusting(train), len(train.rows)
    ends = edges.heads.numpy() - 1, edges.tails.numpy() - 1
    return csr_array((np.ones(edges.num_edges, dtype=np.float32), ends), shape=(count, count))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))


def _offsets(table: csr_array) -> Tensor:
    """Of the rows of users, before which nobody has an empty one."""
    return F.pad(_tensor(table.indptr), (1, 0))
