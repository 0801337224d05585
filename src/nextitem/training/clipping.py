"""Clipping: gradients are scaled down together where their common norm is above a bound."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.utils import get_total_norm

from nextitem.errors import NonFiniteLossError


def clip_gradients(fabric: Fabric, model: nn.Module, optimizer: torch.optim.Optimizer, max_norm: float) -> None:
    """As `torch.nn.utils.clip_grad_norm_`, which knows no sparse gradients: theirs is the norm of their summed rows.

    Raises:
        NonFiniteLossError: the norm is NaN or infinite, so there is no direction to go.
    """
    try:
        _clip(fabric, model, optimizer, max_norm)
    except RuntimeError as error:
        if "non-finite" not in str(error):
            raise
        raise NonFiniteLossError(
            "the gradient of a finite loss was NaN or infinite; training stopped before that step. "
            "Lower training.learning_rate or training.clip_norm"
        ) from error


def _clip(fabric: Fabric, model: nn.Module, optimizer: torch.optim.Optimizer, max_norm: float) -> None:
    tables = [one for one in model.parameters() if one.grad is not None and one.grad.is_sparse]
    if not tables:
        fabric.clip_gradients(model, optimizer, max_norm=max_norm)
        return
    for table in tables:
        table.grad = table.grad.coalesce()  # type: ignore[union-attr]
    grads = [one.grad for one in model.parameters() if one.grad is not None]
    values = [grad.values() if grad.is_sparse else grad for grad in grads]
    norm = get_total_norm(values, error_if_nonfinite=True)
    torch._foreach_mul_(values, (max_norm / (norm + 1e-6)).clamp(max=1.0))
