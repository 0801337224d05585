"""Followed: a run's model as one module of torch's own operations, from indices to scores, for who exports it.

Sizes: B batch, T length, L max_length, D dim, E width of what the scorer maps to, V = num_items + 1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nextitem.data.batches import NOTHING, Batch
from nextitem.data.ids import PAD
from nextitem.errors import InputError
from nextitem.models.base import Recommender
from nextitem.models.catalogue import MODELS
from nextitem.models.products import has_products
from nextitem.models.towers import ItemTower, SequenceModel, TwoTower


class Followed(nn.Module):
    """Scores, and the mapped queries that they are the products of with an item table."""

    table: Tensor | None  # (V, E); None: the model's own weights

    def __init__(self, model: ItemTower) -> None:
        super().__init__()
        self.model = model
        with torch.no_grad():
            table = model.mapped_vectors()
        # Weights of the model are looked up where they stand; what is made of them is made once.
        self.register_buffer("table", None if _is_of(table, model) else table.detach().clone())

    def scored(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """(B, E) -> the scores (B, V), and the queries."""
        table = self.model.mapped_vectors() if self.table is None else self.table
        return queries @ table.T, queries


class ByHistory(Followed):
    """Items (B, T) int64, oldest first, PAD after the newest, of any length: the newest L count."""

    def forward(self, items: Tensor) -> tuple[Tensor, Tensor]:
        batch = Batch.of(_newest(items, self.model.max_length))
        return self.scored(self.model.scorer.map_queries(self.model.query(batch)))


class ByUser(Followed):
    """Users (B,) int64, of a model that has a vector a user."""

    queries: Tensor  # (num_users + 1, E)

    def __init__(self, model: TwoTower) -> None:
        super().__init__(model)
        with torch.no_grad():
            self.register_buffer("queries", model.scorer.map_queries(model.user_vectors()).detach().clone())

    def forward(self, users: Tensor) -> tuple[Tensor, Tensor]:
        return self.scored(F.embedding(users, self.queries))


def followed(model: Recommender, name: str) -> ByHistory | ByUser:
    """The module of a model, which an error calls by `name`.

    Raises:
        InputError: what it scores by is not a history of items alone, or not a user alone.
    """
    if not has_form(type(model)) or model.wanted() != NOTHING:
        able = ", ".join(one for one, kind in MODELS.items() if has_form(kind))
        raise InputError(
            f"{name} does not score by a history of items alone, or a user alone, as products of a query with a vector "
            f"an item, and is not exported as a graph; take a bundle (--to bundle.zip), or a model such as {able}"
        )
    assert isinstance(model, SequenceModel | TwoTower)
    return ByUser(model) if isinstance(model, TwoTower) else ByHistory(model)


def has_form(model: type[Recommender]) -> bool:
    """Whether models of a class are of one of the two forms, as far as the class tells."""
    if not has_products(model):
        return False
    if issubclass(model, TwoTower):
        return model.query is TwoTower.query
    return issubclass(model, SequenceModel) and not model.knows_users


def _newest(items: Tensor, max_length: int | None) -> Tensor:
    """(B, T) -> (B, L): the newest items of each row, PAD after them; all of them where nothing is forgotten."""
    if max_length is None:
        return items
    first = ((items != PAD).sum(1) - max_length).clamp(min=0)  # (B,)
    places = first[:, None] + torch.arange(max_length)
    return F.pad(items, (0, max_length)).gather(1, places)


def _is_of(table: Tensor, model: nn.Module) -> bool:
    """Whether it is a weight of the model, or a part of one."""
    storage = table.untyped_storage().data_ptr()
    return any(one.untyped_storage().data_ptr() == storage for one in model.state_dict().values())
