"""Sharding (FSDP): each of several processes keeps its part of the weights to train, their gradients and moments.

A step gathers the whole weights for as long as it computes with them. Beside the parts every process holds the weights
as they were when the epoch ended, whole, to rank with.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from nextitem.models.base import Trained
from nextitem.training.share import Loss


def shard(model: Trained, optimizer: torch.optim.Optimizer, fabric: Fabric, size: int) -> tuple[Any, Any]:
    """The loss of a sharded copy of `model` and the optimizer, which now moves the copy, both set up by `fabric`."""
    fabric.setup_module(Loss(model))  # in its precision, on its device
    # The copy shares buffers and what has no weights, such as the objective: they are large, and the same for both.
    shared = [*model.buffers(), *(child for child in model.children() if not any(True for _ in child.parameters()))]
    loss = Loss(deepcopy(model, {id(one): one for one in shared}))
    wrapped = fabric.setup_module(loss)
    fully_shard(loss, mesh=init_device_mesh(fabric.device.type, (size,)))
    parts = {id(old): new for old, new in zip(model.parameters(), loss.parameters(), strict=True)}
    for group in optimizer.param_groups:
        group["params"] = [_moved(optimizer, old, parts[id(old)]) for old in group["params"]]
    return wrapped, fabric.setup_optimizers(optimizer)


def gather(wrapped: Any, model: Trained) -> None:
    """Bring the weights of `model` up to date with its sharded copy."""
    with torch.no_grad():
        for whole, part in zip(model.parameters(), wrapped.module.model.parameters(), strict=True):
            whole.copy_(part.full_tensor())


def whole(value: Tensor) -> Tensor:
    """A tensor of which this process may have a part; all processes must ask for it."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def _moved(optimizer: torch.optim.Optimizer, old: Tensor, new: Tensor) -> Tensor:
    """`new`, with the optimizer's state of `old`, cut alike."""
    assert isinstance(new, DTensor)
    if old in optimizer.state:
        optimizer.state[new] = _cut(optimizer.state.pop(old), old, new)
    return new


def _cut(state: dict[str, Any], old: Tensor, new: DTensor) -> dict[str, Any]:
    """A parameter's state, or that of each stream, with what has its shape cut as it is."""
    found: dict[str, Any] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            found[key] = _cut(value, old, new)
        else:
            is_alike = value.shape == old.shape
            found[key] = distribute_tensor(value, new.device_mesh, new.placements) if is_alike else value
    return found
