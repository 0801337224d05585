"""What every recommender offers, and the kinds that there are.

| kind            | how it scores                                    | examples                     |
|-----------------|--------------------------------------------------|------------------------------|
| `Fitted`        | as it likes; made in one go, without gradients   | Popularity, ItemKNN, EASE    |
| `ItemTower`     | query of the row, inner product with item vectors | MultiVAE                     |
| `SequenceModel` | an item tower; the query is a state of the history | SASRec, GRU4Rec, BERT4Rec   |
| `TwoTower`      | an item tower; the query is the user's vector    | BPR, LightGCN                |
| `TowerFree`     | any function of a user and an item               | NCF                          |

Sizes: B batch, T length, D dim, N positions with a target, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch, BatchKind
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.errors import InputError
from nextitem.nn.objectives import FullSoftmax, Objective

# Users and items that are scored at once where every pair has hidden layers of its own: 4,096 pairs, whose layers stay
# in a core's cache. All pairs of ml-1m, NCF with 128-64-32, one core: 12 s; a user at a time 17 s, 32 users 28 s.
PAIR_BLOCK = (16, 256)


class Recommender(nn.Module):
    """Scores every item for a batch of rows.

    `max_length` is how many of the newest items it looks at (None: all of them); `knows_users` says that scores
    depend on which user a row belongs to, so that nothing can be said of a user who was not trained on;
    `takes_objective` says that its loss is an `objective`, which a recipe's `loss` section chooses.
    """

    max_length: int | None = None
    knows_users: ClassVar[bool] = False
    takes_objective: ClassVar[bool] = False

    def __init__(self, num_items: int) -> None:
        super().__init__()
        if num_items < 1:
            raise InputError(f"a recommender needs at least one item, found num_items {num_items}")
        self.num_items = num_items

    def score(self, batch: Batch) -> Tensor:
        """(B, V): higher is better; comparable within a row only. Column 0 means nothing.

        A tensor of its own: who ranks writes into it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no score")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """The inverse of `state_dict`."""
        self.load_state_dict(weights)


class Fitted(Recommender):
    """A recommender that is fitted to the training rows in one go: by counting, in closed form, by alternating."""

    def fit(self, train: Sequences) -> None:
        """Row r of `train` belongs to user r + 1."""
        raise NotImplementedError(f"{type(self).__name__} has no fit")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Buffers take the sizes that were fitted, whatever they were made with."""
        for name, tensor in weights.items():
            self.register_buffer(name, tensor)


class Trained(Recommender):
    """A recommender that learns by gradient steps, on batches of a kind in `trains_on` (by default the first)."""

    trains_on: ClassVar[tuple[BatchKind, ...]] = ("next_item", "prefix")

    def prepare(self, train: Sequences) -> None:
        """See the training rows once, before the first step; most models need nothing of them."""

    def loss(self, batch: Batch) -> Tensor:
        """The mean loss over the batch's targets; a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no loss")


class ItemTower(Trained):
    """Scores are inner products of a row's query with a vector an item: made for retrieval and sampled losses.

    One that brings its own loss sets `takes_objective` to False.
    """

    takes_objective = True

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.objective: Objective = FullSoftmax()

    def item_vectors(self) -> Tensor:
        """(V, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no item_vectors")

    def query(self, batch: Batch) -> Tensor:
        """(B, D): what each row is looking for next."""
        raise NotImplementedError(f"{type(self).__name__} has no query")

    def score(self, batch: Batch) -> Tensor:
        return self.query(batch) @ self.item_vectors().T


class SequenceModel(ItemTower):
    """An item tower whose query is the state at the newest item. A new one is an `encode` and an item table.

    `is_causal` says that the state at an item does not depend on later items.
    """

    is_causal: ClassVar[bool] = True

    def __init__(self, num_items: int, dim: int, num_marks: int = 0) -> None:
        """`num_marks` rows of the table stand behind the items, for tokens that are no items, such as a mask."""
        super().__init__(num_items)
        self.item_embedding = nn.Embedding(num_items + 1 + num_marks, dim, padding_idx=PAD)

    def encode(self, inputs: Tensor) -> Tensor:
        """(B, T) items, oldest first, padding last -> (B, T, D), the state after each of them."""
        raise NotImplementedError(f"{type(self).__name__} has no encode")

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def query(self, batch: Batch) -> Tensor:
        return newest_state(self.encode(batch.inputs), batch.inputs)

    def loss(self, batch: Batch) -> Tensor:
        rows, positions = (batch.targets != PAD).nonzero(as_tuple=True)  # (N,) each: the padding costs nothing
        states = self.encode(batch.inputs)[rows, positions]  # (N, D)
        return self.objective(states, self.item_vectors(), batch.targets[rows, positions], batch.users[rows])


class TwoTower(ItemTower):
    """An item tower whose query is a vector of the user; rows are single interactions."""

    knows_users = True
    trains_on = ("pair",)

    def user_vectors(self) -> Tensor:
        """(num_users + 1, D); row 0 is nobody's."""
        raise NotImplementedError(f"{type(self).__name__} has no user_vectors")

    def query(self, batch: Batch) -> Tensor:
        return F.embedding(batch.users, self.user_vectors())

    def loss(self, batch: Batch) -> Tensor:
        return self.objective(self.query(batch), self.item_vectors(), batch.targets[:, 0], batch.users)


class TowerFree(Trained):
    """Any function of a user and an item; needs an objective with sampled negatives."""

    takes_objective = True
    knows_users = True
    trains_on = ("pair",)

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.objective: Objective = FullSoftmax()

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        """(N,) users and (N, K) items, or (1, K) that are the same for all users -> (N, K) scores."""
        raise NotImplementedError(f"{type(self).__name__} has no interact")

    def loss(self, batch: Batch) -> Tensor:
        users = batch.users
        return self.objective.over(lambda items: self.interact(users, items), batch.targets[:, 0], users)

    def score(self, batch: Batch) -> Tensor:
        catalogue = torch.arange(self.num_items + 1, device=batch.users.device)[None, :]
        num_users, num_items = PAIR_BLOCK
        return torch.cat(
            [
                torch.cat([self.interact(users, items) for items in torch.split(catalogue, num_items, 1)], 1)
                for users in torch.split(batch.users, num_users)
            ]
        )


def ages(inputs: Tensor) -> Tensor:
    """(B, T): how many items of the row are newer; 0 at the newest and at the padding."""
    lengths = (inputs != PAD).sum(1, keepdim=True)
    return (lengths - 1 - torch.arange(inputs.shape[1], device=inputs.device)).clamp(min=0)


def newest_state(states: Tensor, inputs: Tensor) -> Tensor:
    """(B, T, D) states -> (B, D), each row's at its newest item (at its first place, if it has none)."""
    newest = (inputs != PAD).sum(1).sub(1).clamp(min=0)  # (B,)
    return states[torch.arange(len(states), device=states.device), newest]
