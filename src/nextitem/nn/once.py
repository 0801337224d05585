"""Gradients that are worked out by hand, once: their own gradients are not there, which must be said."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch

from nextitem.errors import InputError


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """For the backward pass of an autograd Function: whoever wants a graph of it (create_graph=True) is refused.

    torch's decorator of this name refuses later, when such a graph is walked, and only where the gradient that comes
    in has a graph itself; elsewhere the second derivative is missing without a word.
    """

    @wraps(backward)
    def checked(ctx: Any, *gradients: Any) -> Any:
        if torch.is_grad_enabled():
            raise InputError(
                f"{backward.__qualname__.split('.')[0].strip('_')} has first derivatives only, found "
                "create_graph=True; work the loss out inside `with nextitem.nn.kernels.choose.plain():` for gradients "
                "of gradients"
            )
        return backward(ctx, *gradients)

    return checked
