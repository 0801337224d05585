"""Batch: what every model trains on and scores, as tensors that stand side by side.

Sizes: B rows, T length, W views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
from torch import Tensor

Place = Tensor | slice | int
Stream = Literal["rows", "triples"]


@dataclass(frozen=True)
class Batch:
    """Rows of items as tensors, for training and for scoring.

    In `targets`, PAD means "predict nothing here". What a model does not ask for is None.
    """

    users: Tensor  # (B,) int64; 0 is an unknown user
    inputs: Tensor  # (B, T) int64, oldest first, PAD after the newest
    targets: Tensor  # (B, T) int64
    weights: Tensor | None = None  # (B, T) float32, how much each target counts; None: all alike
    times: Tensor | None = None  # (B, T) int64, when each input was met, in the log's unit; 0 at the padding
    ratings: Tensor | None = None  # (B, T) float32, of the inputs; 0 at the padding
    # (B, T) int64: when the item after each input is asked for: in training when it was met; in use at the newest
    # input alone, 0 elsewhere.
    asked_at: Tensor | None = None
    labels: Tensor | None = None  # (B,) float32, what a pair of user and item is worth
    views: Tensor | None = None  # (B, W, T) int64, the inputs changed at random in W ways
    partners: Tensor | None = None  # (B, T') int64, the inputs of another row with the same target
    triples: Tensor | None = None  # (B, 4 or 5) int64: head, relation, tail, untrue tail, and untrue head
    target_ratings: Tensor | None = None  # (B, T) float32, how the targets were rated; in training alone

    @classmethod
    def of(cls, inputs: Tensor, users: Tensor | None = None, **more: Tensor | None) -> Batch:
        """A batch of histories (B, T) without targets, of these `users` (B,), or of nobody known."""
        owners = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device) if users is None else users
        return cls(owners, inputs, torch.zeros_like(inputs), **more)

    @classmethod
    def of_triples(cls, triples: Tensor) -> Batch:
        """A batch of triples (K, 4 or 5) alone: it has no user, and tables of no row."""
        nothing = triples.new_zeros(0, 1)
        return cls(nothing[:, 0], nothing, nothing, triples=triples)

    @property
    def stream(self) -> Stream:
        """Whether it has rows, maybe with triples beside them, or triples alone."""
        return "rows" if self.triples is None or len(self.users) else "triples"

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are there, by name: `Batch(**batch.tensors())` is the batch again."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The batch of what `change` makes of each field."""
        return Batch(**{name: change(tensor) for name, tensor in self.tensors().items()})

    def to(self, device: torch.device) -> Batch:
        """The batch with every field on a device."""
        return self.map(lambda tensor: tensor.to(device))

    def take(self, rows: slice | Tensor) -> Batch:
        """Some of the rows; the padding stays."""
        return self.map(lambda tensor: tensor[rows])

    def with_inputs(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Every field that stands beside the inputs changed alike, such as cut or put in another order."""
        beside = {"inputs": self.inputs, "times": self.times, "ratings": self.ratings, "asked_at": self.asked_at}
        return replace(self, **{name: change(tensor) for name, tensor in beside.items() if tensor is not None})

    def weight_at(self, places: tuple[Place, Place]) -> Tensor | None:
        """The weights of some targets, `weights[places]`; None where all weigh alike."""
        return None if self.weights is None else self.weights[places]
