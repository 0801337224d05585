"""The kinds of models whose parts later steps can use: a query a row, a vector an item.

A new sequence model is an `encode`; a new one of pairs is `user_vectors` and `item_vectors`, or an `interact`.

Sizes: B batch, T length, D dim, E width of what the scorer maps to, N positions with a target, V = num_items + 1
(item 0 is the padding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.models.base import Recommender, Trained
from nextitem.models.scoring import asked_scorer
from nextitem.nn.scorers import InnerProduct, VectorScorer, all_inner_products

# Users and items that are scored at once where every pair has hidden layers of its own: 4,096 pairs, whose layers stay
# in a core's cache. All pairs of ml-1m, NCF with 128-64-32, one core: 12 s; a user at a time 17 s, 32 users 28 s.
PAIR_BLOCK = (16, 256)


class ItemTower(Recommender):
    """Scores are those of a row's query with a vector an item: made for retrieval and sampled losses.

    `scorer` says what a score is, in the loss, in rankings, in sessions and for samplers: an inner product, unless the
    model's class names its `own_scorer` or the loss asks for another. In Python assign one: `model.scorer = Cosine()`.
    """

    own_scorer: ClassVar[type[VectorScorer] | None] = None  # whatever the loss; a loss that asks for another is refused
    # The item vectors as the scorer maps them, while the weights stay as they are; no part of the module.
    _ready: tuple[Tensor, ...] = ()

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items)
        self.scorer: VectorScorer = (self.own_scorer or InnerProduct)()

    def item_vectors(self) -> Tensor:
        """The vectors of all items (V, D), as scores take them; row 0 is the padding's."""
        raise NotImplementedError(f"{type(self).__name__} has no item_vectors")

    def query(self, batch: Batch) -> Tensor:
        """What each row is looking for next, a vector (B, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no query")

    def score(self, batch: Batch) -> Tensor:
        return all_inner_products(self.scorer.map_queries(self.query(batch)), self.mapped_vectors())

    def mapped_vectors(self) -> Tensor:
        """The item vectors (V, E) as the scorer maps them: scores are their products with mapped queries."""
        (vectors,) = self._ready or (self.scorer.map_vectors(self.item_vectors()),)
        return vectors

    @contextmanager
    def ready(self) -> Iterator[None]:
        self._ready = (self.mapped_vectors(),)
        try:
            yield
        finally:
            self._ready = ()

    def score_for(self, loss: str) -> None:
        """Score by what a loss of the catalogue asks for, if it asks for anything.

        Raises:
            InputError: the model has a scorer of its own, and it is another.
        """
        chosen = None if type(self.scorer) is InnerProduct else type(self.scorer)  # by its constructor
        asked = asked_scorer(loss, type(self).__name__, self.own_scorer or chosen)
        self.scorer = self.scorer if asked is None else asked()


class SequenceModel(ItemTower, Trained):
    """An item tower whose query is the state at the newest item. A new one is an `encode` and an item table.

    `is_causal` says that the state at an item does not depend on later items.
    """

    takes_objective = True
    takes_weights = True
    is_causal: ClassVar[bool] = True

    def __init__(self, num_items: int, dim: int, num_marks: int = 0) -> None:
        """`num_marks` rows of the table stand behind the items, for tokens that are no items, such as a mask: an
        `encode` may read them, and they are neither scored nor in a loss.
        """
        super().__init__(num_items)
        self.item_embedding = nn.Embedding(num_items + 1 + num_marks, dim, padding_idx=PAD)

    def encode(self, batch: Batch) -> Tensor:
        """The states (B, T, D) after each of the items (B, T) of a batch, oldest first, padding last."""
        raise NotImplementedError(f"{type(self).__name__} has no encode")

    def encode_at(self, batch: Batch, places: Tensor) -> Tensor:
        """The states (B, D) at one place of each row, `places` (B,); who can do so without the others overrides it."""
        return self.encode(batch)[torch.arange(len(places), device=places.device), places]

    def item_vectors(self) -> Tensor:
        """The vectors of all items (V, D), without the rows of marks."""
        table = self.item_embedding.weight
        # The table itself where it has no marks: what is sparse about its gradient hangs on that.
        return table if len(table) == self.num_items + 1 else table[: self.num_items + 1]

    def query(self, batch: Batch) -> Tensor:
        return self.encode_at(batch, newest_places(batch.inputs))

    def encode_each(self, batch: Batch) -> Tensor:
        """The `encode` of a model that can only say one place at a time: `encode_at` of one after the other."""
        places = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        return torch.stack([self.encode_at(batch, place.expand(len(batch.inputs))) for place in places], 1)

    def loss(self, batch: Batch) -> Tensor:
        states, places = self.asked_states(batch)
        return self.loss_of(batch, states, places, self.item_vectors())

    def asked_states(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The states (N, D) at the items that have a target, and the places of these in the batch: rows, positions."""
        rows, positions = (batch.targets != PAD).nonzero(as_tuple=True)  # (N,) each: the padding costs nothing
        if torch.equal(rows, torch.arange(len(batch.inputs), device=rows.device)):  # one target a row
            states = self.encode_at(batch, positions)  # (N, D)
        else:
            places = rows * batch.inputs.shape[1] + positions
            states = self.encode(batch).flatten(0, 1).index_select(0, places)  # half the time of [rows, positions]
        return states, (rows, positions)

    def loss_of(self, batch: Batch, states: Tensor, places: tuple[Tensor, Tensor], vectors: Tensor) -> Tensor:
        """What the objective makes of states (N, D), which look for the targets at some places, and of item vectors."""
        targets, users = batch.targets[places], batch.users[places[0]]
        return self.objective(states, vectors, targets, users, batch.weight_at(places), scorer=self.scorer)


class TwoTower(ItemTower, Trained):
    """An item tower whose query is a vector of the user; rows are single interactions."""

    takes_objective = True
    takes_weights = True
    knows_users = True
    trains_on = ("pair",)

    def user_vectors(self) -> Tensor:
        """The vectors of all users (num_users + 1, D); row 0 is nobody's."""
        raise NotImplementedError(f"{type(self).__name__} has no user_vectors")

    def query(self, batch: Batch) -> Tensor:
        return F.embedding(batch.users, self.user_vectors(), sparse=self.objective.is_sparse)

    def loss(self, batch: Batch) -> Tensor:
        weights = batch.weight_at((slice(None), 0))
        query, targets = self.query(batch), batch.targets[:, 0]
        return self.objective(query, self.item_vectors(), targets, batch.users, weights, scorer=self.scorer)


class TowerFree(Trained):
    """Any function of a user and an item, `interact`, or of a row and an item, `matching`; needs sampled negatives."""

    takes_objective = True
    takes_weights = True
    knows_users = True
    trains_on = ("pair",)

    def interact(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores (N, K) of users (N,) with items (N, K), or with items (1, K) that are the same for all users."""
        raise NotImplementedError(f"{type(self).__name__} has no interact")

    def matching(self, batch: Batch) -> Callable[[Tensor], Tensor]:
        """What scores items for the rows of a batch: a function of items (N, K) or (1, K), to scores (N, K)."""
        return lambda items: self.interact(batch.users, items)

    def loss(self, batch: Batch) -> Tensor:
        weights = batch.weight_at((slice(None), 0))
        return self.objective.over(self.matching(batch), batch.targets[:, 0], batch.users, weights=weights)

    def score(self, batch: Batch) -> Tensor:
        num_rows, num_items = PAIR_BLOCK
        blocks = torch.split(torch.arange(self.num_items + 1, device=batch.users.device)[None, :], num_items, 1)
        scores = []
        for start in range(0, max(1, len(batch.users)), num_rows):
            match = self.matching(batch.take(slice(start, start + num_rows)))
            scores.append(torch.cat([match(items) for items in blocks], 1))
        return torch.cat(scores)


def ages(inputs: Tensor) -> Tensor:
    """(B, T): how many items of the row are newer; 0 at the newest and at the padding."""
    lengths = (inputs != PAD).sum(1, keepdim=True)
    return (lengths - 1 - torch.arange(inputs.shape[1], device=inputs.device)).clamp(min=0)


def newest_places(inputs: Tensor) -> Tensor:
    """(B, T) -> (B,): where each row's newest item stands (its first place, if it has none)."""
    return (inputs != PAD).sum(1).sub(1).clamp(min=0)
