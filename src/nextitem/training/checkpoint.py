"""Checkpoint: weights, optimizer and progress in one safetensors file, written whole or not at all.

No random state is kept: each epoch draws it anew from (seed, epoch number).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.training.sharding import whole


@dataclass(frozen=True)
class FitState:
    """How far training has come."""

    epoch: int = 0  # the last one finished
    best_epoch: int = 0  # 0: none was validated yet
    best_value: float = -1.0  # of the monitored metric
    seconds: float = 0.0  # spent in training steps
    num_waited: int = 0  # validations on a plateau since the best one or since the learning rate was lowered
    num_lowered: int = 0  # times that a plateau lowered the learning rate


def save_weights(weights: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file beside its place, flush it to the disk, then rename: an older file stays whole until
    the new one is."""
    # Tensors that share memory are stored once a name, as safetensors wants them.
    content = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}, metadata)
    write_atomically(path, content)


def write_atomically(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path} could not be written ({error}); what stood there before is untouched") from error


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist: is this a run folder, and did its training finish an epoch?")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{path} is damaged ({error}); restore it from a copy or train again") from error


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, state: FitState, is_writer: bool = True
) -> None:
    """Every process calls this, since an optimizer may be sharded; the writer writes."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": torch.as_tensor(whole(value)) for key, value in values.items()}
    if is_writer:
        save_weights(tensors, path, {"state": json.dumps(asdict(state))})


def read_state(path: Path) -> FitState:
    """How far the training of a checkpoint has come; nowhere if there is none."""
    return FitState(**json.loads(load_weights(path)[1]["state"])) if path.exists() else FitState()


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> FitState:
    """Put weights and optimizer state back; hyper-parameters of the optimizer stay as it was made with.

    Raises:
        InputError: the file is missing, damaged, or of another model.
    """
    tensors, metadata = load_weights(path)
    weights: dict[str, Tensor] = {}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        owner, _, rest = name.partition(".")
        if owner == "model":
            weights[rest] = tensor
        else:
            number, _, key = rest.partition(".")
            moments.setdefault(int(number), {})[key] = tensor
    # In the precision that it was trained in; the optimizer takes over that of its parameters.
    model.to(next(tensor.dtype for tensor in weights.values() if tensor.is_floating_point()))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path} holds another model than the recipe describes: {error}") from error
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return FitState(**json.loads(metadata["state"]))
