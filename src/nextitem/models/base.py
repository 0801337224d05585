"""What every recommender offers, and the two kinds that there are so far.

Sizes: B batch, T length, D dim, N positions with a target, V = num_items + 1 (item 0 is the padding).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from nextitem.data.batches import Batch
from nextitem.data.ids import PAD
from nextitem.data.sequences import Sequences
from nextitem.nn.objectives import FullSoftmax, Objective


class Recommender(nn.Module):
    """Scores every item for a batch of histories.

    `max_length` is how many of the newest items it looks at (None: all of them).
    """

    max_length: int | None = None

    def __init__(self, num_items: int) -> None:
        super().__init__()
        if num_items < 1:
            raise ValueError(f"a recommender needs at least one item, found num_items {num_items}")
        self.num_items = num_items

    def score(self, batch: Batch) -> Tensor:
        """(B, V): higher is better; comparable within a row only. Column 0 means nothing.

        A tensor of its own: who ranks writes into it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no score")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """The inverse of `state_dict`."""
        self.load_state_dict(weights)


class Counted(Recommender):
    """A recommender that is fitted in one pass over the training rows, without gradients."""

    def fit(self, train: Sequences) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no fit")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Buffers take the sizes that were fitted, whatever they were made with."""
        for name, tensor in weights.items():
            self.register_buffer(name, tensor)


class Trained(Recommender):
    """A recommender that learns by gradient steps."""

    def loss(self, batch: Batch) -> Tensor:
        """The mean loss over the batch's targets; a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no loss")


class ItemTower(Trained):
    """Scores are inner products of a query, made of the history, with a vector an item."""

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
    """An item tower whose query is the state at the newest item. A new one is an `encode` and an item table."""

    def __init__(self, num_items: int, dim: int) -> None:
        super().__init__(num_items)
        self.item_embedding = nn.Embedding(num_items + 1, dim, padding_idx=PAD)

    def encode(self, inputs: Tensor) -> Tensor:
        """(B, T) items, oldest first, padding last -> (B, T, D), the state after each of them."""
        raise NotImplementedError(f"{type(self).__name__} has no encode")

    def item_vectors(self) -> Tensor:
        return self.item_embedding.weight

    def query(self, batch: Batch) -> Tensor:
        newest = (batch.inputs != PAD).sum(1).sub(1).clamp(min=0)  # (B,)
        states = self.encode(batch.inputs)
        return states[torch.arange(len(states), device=states.device), newest]

    def loss(self, batch: Batch) -> Tensor:
        rows, positions = (batch.targets != PAD).nonzero(as_tuple=True)  # (N,) each: the padding costs nothing
        states = self.encode(batch.inputs)[rows, positions]  # (N, D)
        return self.objective(states, self.item_vectors(), batch.targets[rows, positions], batch.users[rows])


def initialise_xavier(module: nn.Module) -> None:
    """Xavier-normal matrices, as SASRec.pytorch and FreeRec have them; the padding's vector is zero."""
    for parameter in module.parameters():
        if parameter.dim() >= 2:
            nn.init.xavier_normal_(parameter)
    for part in module.modules():
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[part.padding_idx].zero_()


def count_items(train: Sequences, num_items: int) -> np.ndarray:
    """(V,) int64: how often each item occurs."""
    return np.bincount(train.flat_items(), minlength=num_items + 1)
