"""Checkpoint: weights, optimizer and progress in one safetensors file, written whole or not at all.

No random state is kept: each epoch draws it anew from (seed, epoch number).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite
from os.path import lexists
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nextitem.errors import InputError
from nextitem.models.checks import check_finite, check_weights
from nextitem.training.averaging import Average
from nextitem.training.moments import flat, load_moments
from nextitem.training.optimizers import moments_of
from nextitem.training.shapes import MEND, own
from nextitem.training.sharding import whole
from nextitem.writing import write

NEVER_NEGATIVE = ("step", "exp_avg_sq", "sum", "square_avg")


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
    write(path, content)


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    if not lexists(path):
        raise InputError(f"{path} does not exist: is this a run folder, and did its training finish an epoch?")
    try:
        with safe_open(own(path), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged ({error}); restore it from a copy or train again") from error


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: FitState,
    is_writer: bool = True,
    mark: str = "",
    average: Average | None = None,
) -> None:
    """Every process calls this, since an optimizer may be sharded; the writer writes. `mark` tells runs apart."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": torch.as_tensor(whole(value)) for key, value in flat(values).items()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.tensors().items()}
    if is_writer:
        save_weights(tensors, path, {"state": json.dumps(asdict(state)), **marked(mark)})


def read_state(path: Path) -> FitState:
    """How far the training of a checkpoint has come; nowhere if there is none."""
    return _state(path, load_weights(path)[1]) if lexists(path) else FitState()


def _state(path: Path, metadata: dict[str, str]) -> FitState:
    try:
        state = TypeAdapter(FitState).validate_json(metadata.get("state", ""), strict=True)
    except ValidationError as error:
        raise InputError(f"{path} is damaged: it does not say how far training came; {MEND}") from error
    counts = (state.epoch, state.best_epoch, state.num_waited, state.num_lowered)
    if min(counts) < 0 or state.best_epoch > state.epoch or not (isfinite(state.best_value) and state.seconds >= 0):
        raise InputError(f"{path} is damaged: no training can come to {state}; {MEND}")
    return state


def load_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    mark: str = "",
    streams: tuple[str, ...] = (),
    average: Average | None = None,
) -> FitState:
    """Put weights and optimizer state back; hyper-parameters of the optimizer stay as it was made with.

    `streams` are those that have moments of their own, where there are such (`streams_with_moments`).

    Raises:
        InputError: the file is missing, damaged, or of another model or run.
    """
    tensors, metadata = load_weights(path)
    refuse_other_mark(path, metadata, mark)
    state = _state(path, metadata)
    weights: dict[str, Tensor] = {}
    mean: dict[str, Tensor] = {}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        owner, _, rest = name.partition(".")
        number, _, key = rest.partition(".")
        if owner == "model":
            weights[rest] = tensor
        elif owner == "average":
            mean[rest] = tensor
        elif owner == "optimizer" and number.isdecimal():
            moments.setdefault(int(number), {})[key] = tensor
        else:
            raise InputError(f"{path} is damaged: {name} is of neither model, optimizer nor average; {MEND}")
    try:
        check_weights(model.state_dict(), weights)
        _check_moments(optimizer, moments, streams)
        _load_average(average, mean)
    except InputError as error:
        raise InputError(f"{path} holds another model than the recipe describes: {error}; {MEND}") from error
    # In the precision that it was trained in; the optimizer takes over that of its parameters.
    model.to(next(tensor.dtype for tensor in weights.values() if tensor.is_floating_point()))
    model.load_state_dict(weights)
    load_moments(optimizer, moments, streams)
    return state


def _load_average(average: Average | None, tensors: dict[str, Tensor]) -> None:
    if average is not None:
        average.load(tensors)
    elif tensors:
        raise InputError("it was trained with an average of its weights, which is not asked for")


def marked(mark: str) -> dict[str, str]:
    """The metadata of a file that says of which run it is."""
    return {"run": mark} if mark else {}


def refuse_other_mark(path: Path, metadata: dict[str, str], mark: str) -> None:
    """Raises InputError where a file says that it is of another run; an older version's says nothing."""
    if metadata.get("run", mark) != mark:
        raise InputError(f"{path} is of another run than its folder (another recipe, or other data); {MEND}")


def _check_moments(
    optimizer: torch.optim.Optimizer, moments: dict[int, dict[str, Tensor]], streams: tuple[str, ...]
) -> None:
    """Kernels take the shapes of an optimizer's state on trust, so they must be right before.

    Raises:
        InputError: a tensor that belongs to no parameter, is not of its shape, or is not finite.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, values in moments.items():
        if number >= len(parameters):
            raise InputError(f"it has moments of parameter {number}, the model has {len(parameters)} parameters")
        _check_names(number, values, optimizer, streams)
        shape = parameters[number].shape
        for full, tensor in values.items():
            key = full.rpartition(".")[2]  # without its stream
            name, wanted = f"optimizer.{number}.{full}", () if key == "step" else tuple(shape)
            if tuple(tensor.shape) != wanted:
                raise InputError(f"{name} has the shape {tuple(tensor.shape)}, its parameter needs {wanted}")
            if not tensor.is_floating_point():
                raise InputError(f"{name} holds {tensor.dtype}, not numbers with fractions")
            check_finite(name, tensor)
            if key in NEVER_NEGATIVE and bool((tensor < 0).any()):
                raise InputError(f"{name} holds negative numbers, and it is a sum of squares or a count")


def _check_names(
    number: int, values: dict[str, Tensor], optimizer: torch.optim.Optimizer, streams: tuple[str, ...]
) -> None:
    """Raises InputError where a parameter has not the moments that its optimizer keeps, of each of `streams` it has."""
    known = moments_of(optimizer)
    found: dict[str, set[str]] = {}
    for name in values:
        stream, _, key = name.rpartition(".")
        found.setdefault(stream, set()).add(key)
    if not (found.keys() <= (set(streams) or {""}) and all(known in (None, keys) for keys in found.values())):
        raise InputError(
            f"parameter {number} has the moments {', '.join(sorted(values)) or 'none'}, {type(optimizer).__name__} "
            f"keeps {', '.join(sorted(known or ())) or 'none'}"
            + (f" of each of {', '.join(streams)}" if streams else "")
        )
