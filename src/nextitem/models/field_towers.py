"""Two towers over fields: a user's vector is made of the user's fields, an item's of the item's.

What is saved, beside the weights: the vectors of all users and items, so that whoever loads the model needs no
attributes.

Sizes: N rows, F fields, D dim, E width of the vectors that are made, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nextitem.data.batches import Batch
from nextitem.data.training_data import Sizes, TrainingData
from nextitem.errors import InputError
from nextitem.models.contents import check_name
from nextitem.models.fields import Fields, chosen_columns
from nextitem.models.kept import Kept
from nextitem.models.towers import TwoTower
from nextitem.nn.objectives import FullSoftmax, Sampled

Attributes = Literal["items", "users", "both"]
NEEDS = {"items": ("item_attributes",), "users": ("user_attributes",), "both": ("item_attributes", "user_attributes")}
BLOCK = 4096  # rows whose vectors are made at once


class FieldTowers(Kept, TwoTower):
    """A new one is a `make_users` and a `make_items`, and says in its constructor how wide what they make is."""

    user_kept: Tensor  # (num_users + 1, E)
    item_kept: Tensor  # (V, E)

    def __init__(
        self, sizes: Sizes, attributes: Attributes, columns: tuple[tuple[str, ...], tuple[str, ...]], dim: int,
        id_dropout: float,
    ) -> None:  # fmt: skip
        """`columns`: those of users and those of items that are named."""
        super().__init__(sizes.num_items)
        check_name("attributes", attributes, get_args(Attributes))
        if not 0 <= id_dropout < 1:
            raise InputError(f"model.id_dropout: it must be at least 0 and below 1, found {id_dropout}")
        self.needs = NEEDS[attributes]
        chosen = list[tuple[str, ...]]()
        for role, names, has, count in (
            ("user", columns[0], sizes.user_attributes, sizes.num_users),
            ("item", columns[1], sizes.item_attributes, sizes.num_items),
        ):
            if f"{role}_attributes" in self.needs:
                chosen.append(chosen_columns(f"{role}_columns", names, has, count))
                continue
            if names:
                raise InputError(f"model.{role}_columns: they are not read with --model.attributes {attributes}")
            chosen.append(())
        self.users = Fields(sizes.num_users, sizes.user_attributes, chosen[0], dim, id_dropout if chosen[0] else 0.0)
        self.items = Fields(sizes.num_items, sizes.item_attributes, chosen[1], dim, id_dropout if chosen[1] else 0.0)
        self._classes: tuple[Tensor, Tensor] | None = None  # (K,) items that are classes, and (V,) the place of each

    @classmethod
    def needs_for(cls, arguments: dict[str, Any]) -> tuple[str, ...]:
        return NEEDS.get(arguments.get("attributes", "items"), ())

    def make_users(self, fields: Tensor) -> Tensor:
        """The vectors (N, E) of users, of their fields (N, F, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no make_users")

    def make_items(self, fields: Tensor) -> Tensor:
        """The vectors (N, E) of items, of their fields (N, F, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no make_items")

    def begin_kept(self, width: int) -> None:
        """Room for the vectors of all users and items; for the end of a constructor."""
        self.register_buffer("user_kept", torch.zeros(len(self.users.own.weight), width))
        self.register_buffer("item_kept", torch.zeros(len(self.items.own.weight), width))
        self.keep()

    def prepare(self, train: TrainingData) -> None:
        super().prepare(train)
        is_met = np.bincount(train.rows.flat_items(), minlength=self.num_items + 1) > 0
        is_user = np.concatenate([[False], train.rows.lengths > 0])
        self.users.see(train.user_attributes if self.users.names else None, is_user)
        self.items.see(train.item_attributes if self.items.names else None, is_met)
        is_class = is_met | ~self.items.is_described
        self._classes = torch.from_numpy(np.flatnonzero(is_class)), torch.from_numpy(np.cumsum(is_class) - 1)
        self.refresh()

    def refresh(self) -> None:
        if self.items.is_met is None:
            return
        was_training = self.training
        for part in self.children():
            part.eval()
        with torch.no_grad():
            for fields, make, kept in (
                (self.users, self.make_users, self.user_kept),
                (self.items, self.make_items, self.item_kept),
            ):
                for rows in torch.split(_all_of(kept), BLOCK):
                    kept[rows] = make(fields(rows))
        for part in self.children():
            part.train(was_training)

    def user_vectors(self) -> Tensor:
        return self.make_users(self.users(_all_of(self.user_kept))) if self.training else self.user_kept

    def item_vectors(self) -> Tensor:
        return self.make_items(self.items(_all_of(self.item_kept))) if self.training else self.item_kept

    def query(self, batch: Batch) -> Tensor:
        return self.make_users(self.users(batch.users)) if self.training else F.embedding(batch.users, self.user_kept)

    def loss(self, batch: Batch) -> Tensor:
        """With sampled negatives vectors are made of the items alone that a step reads; and in a softmax over all items
        none is a class that is its attributes alone: never right, it would teach that nobody wants them.
        """
        query, targets, weights = self.query(batch), batch.targets[:, 0], batch.weight_at((slice(None), 0))
        if self.training and isinstance(self.objective, Sampled):
            mapped = self.scorer.map_queries(query)

            def score(items: Tensor) -> Tensor:
                some, places = torch.unique(items, return_inverse=True)
                return self.scorer.candidates(mapped, self.make_items(self.items(some)), places)

            return self.objective.over(score, targets, batch.users, mapped, weights)
        if self.training and isinstance(self.objective, FullSoftmax) and self._classes is not None:
            classes, places = self._classes = self._classes[0].to(query.device), self._classes[1].to(query.device)
            vectors, targets = self.make_items(self.items(classes)), places[targets]
        else:
            vectors = self.item_vectors()
        return self.objective(query, vectors, targets, batch.users, weights, scorer=self.scorer)


def _all_of(kept: Tensor) -> Tensor:
    return torch.arange(len(kept), device=kept.device)
