"""Tables of which a step reads a few rows, so that its gradient may hold these rows alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.models.base import Trained
from nextitem.models.towers import ItemTower, TwoTower


def sparsify(model: nn.Module) -> list[Tensor]:
    """Make the gradients of `model`'s tables of users and items sparse; the weights of these tables.

    Such a table is an embedding with a padding row.

    Raises:
        InputError: a step reads every row of a table anyway, because of the objective or of the model.
    """
    name = type(model).__name__
    if not isinstance(model, Trained) or not model.takes_objective:
        raise InputError(f"training.optimizer: sparse_adam needs a model with sampled negatives; {name} takes adam")
    if not model.objective.reads_rows:
        raise InputError(
            "training.optimizer: sparse_adam updates the rows that a step reads, and the loss reads every item's; "
            "set loss.name to one with sampled negatives (bce, bpr), or take adam"
        )
    tables = [part for part in model.modules() if isinstance(part, nn.Embedding) and part.padding_idx is not None]
    if not _reads_tables(model, [table.weight for table in tables]):
        raise InputError(
            f"training.optimizer: sparse_adam updates the rows that a step reads, and {name} makes its vectors from "
            "the whole table at every step; take adam"
        )
    for table in tables:
        table.sparse = True
    model.objective.is_sparse = True
    return [table.weight for table in tables]


def _reads_tables(model: nn.Module, weights: list[Tensor]) -> bool:
    """Whether what is scored with are the tables themselves, nothing made of them."""
    with torch.no_grad():
        vectors: list[Tensor] = [model.item_vectors()] if isinstance(model, ItemTower) else []
        if isinstance(model, TwoTower):
            vectors.append(model.user_vectors())
    return all(any(one is weight for weight in weights) for one in vectors)
