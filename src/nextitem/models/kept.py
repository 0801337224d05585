"""Kept: models that save, beside what they train, vectors that are made of it, and score with those.

Whoever loads such a model need not make them again, nor have what they are made from.
"""

from __future__ import annotations

from typing import Any, Self

from torch import nn


class Kept(nn.Module):
    """A part of a model with vectors in buffers, made anew by `eval()` and by `state_dict()`.

    So they are made once an evaluation, and what is saved is never older than the weights.
    """

    def keep(self) -> None:
        """From here on `refresh` comes before whatever reads the buffers; for the end of a constructor."""
        self.register_state_dict_pre_hook(_refresh_first)  # type: ignore[no-untyped-call]

    def refresh(self) -> None:
        """Bring the buffers up to date; nothing where what they are made from is not there."""
        raise NotImplementedError(f"{type(self).__name__} has no refresh")

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if not mode:
            self.refresh()
        return self


def _refresh_first(model: Kept, *_: Any) -> None:
    model.refresh()
