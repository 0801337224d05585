"""fit: train, validate, stop early, keep the best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from nextitem.data.batches import Batches, make_batches
from nextitem.data.splits.split import Split
from nextitem.errors import InputError
from nextitem.evaluation.evaluate import evaluate
from nextitem.evaluation.lists import check_listed, check_lists, fitting, main
from nextitem.evaluation.metrics import check_monitor
from nextitem.evaluation.protocol import Protocol
from nextitem.evaluation.ranking import DEFAULT_MEMORY
from nextitem.models.base import Trained
from nextitem.models.checks import check_weights
from nextitem.processes import ALONE, Processes
from nextitem.training.averaging import Average
from nextitem.training.checkpoint import (
    FitState,
    load_checkpoint,
    load_weights,
    marked,
    refuse_other_mark,
    save_checkpoint,
    save_weights,
)
from nextitem.training.loop import Epoch, Track, train
from nextitem.training.moments import streams_with_moments
from nextitem.training.optimizers import make_optimizer
from nextitem.training.profile import Profile
from nextitem.training.schedules import Schedule
from nextitem.training.shapes import MEND
from nextitem.training.share import seen_by_first

CHECKPOINT = "checkpoint.safetensors"
BEST = "model.safetensors"


@dataclass(frozen=True)
class Progress:
    """An epoch of a training that is under way and, where it was validated, what it is worth."""

    epoch: Epoch
    valid: dict[str, float] | None
    is_best: bool
    state: FitState


def fit(
    model: Trained,
    split: Split,
    batches: Batches | None = None,
    *,
    epochs: int = 100,
    patience: int = 10,
    monitor: str | None = None,
    metrics: Sequence[str] | None = None,
    evaluate_every: int = 1,
    protocol: Protocol | None = None,
    memory: int = DEFAULT_MEMORY,
    optimizer: torch.optim.Optimizer | None = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    schedule: Schedule | None = None,
    seed: int = 0,
    fabric: Fabric | None = None,
    processes: Processes = ALONE,
    is_sharded: bool = False,
    average: Average | None = None,
    folder: Path | None = None,
    resume: bool = False,
    track: Track | None = None,
    profile: Profile | None = None,
    log: Callable[[Progress], None] | None = None,
    ends: Callable[[FitState], bool] | None = None,
    mark: str = "",
) -> Iterator[Progress]:
    """Yield after every epoch; when the generator ends, the model holds the weights of its best epoch.

    The best epoch has the highest `monitor` on the validation cases; training stops after `patience` validations
    without a better one. It is ndcg@10, and `metrics` are hr@10 and ndcg@10, where nothing is named (of fewer than 10
    items ndcg of all of them). Without `batches` they are of the first kind that the model trains on, 256 rows each.
    With a `folder`, the best weights and a checkpoint are kept in it, and `resume` continues from them, to the same
    weights as a run that was never interrupted. `log` is called in the first process with every epoch before its
    checkpoint is written: who is killed in between trains the epoch again and is told of it again, and of none too few.
    `ends` is asked before the first epoch and after every one whether training ends here, whatever is left of it.
    `mark` stands in what is kept, and only what has the same is continued from. With an `average` of the model's
    weights it is the mean that is validated and kept. Epochs in which the model pre-trains are not validated.

    Raises:
        InputError: the data, the metrics or the model do not go with each other; no epoch would follow pre-training.
    """
    refuse_pretraining_alone(model, epochs)
    num_ranked = (protocol or Protocol()).num_ranked(split.num_items)
    monitor = main(num_ranked) if monitor is None else monitor
    metrics = fitting(("hr@10", "ndcg@10"), num_ranked) if metrics is None else metrics
    wanted = tuple(dict.fromkeys((*metrics, monitor)))
    check_lists(wanted, num_ranked, "metrics and monitor of fit")  # not when an epoch is over
    check_monitor(monitor, "monitor of fit")
    data = split.training_data
    check_listed(wanted, (protocol or Protocol()).candidates, data)
    optimizer = optimizer or make_optimizer(model)
    batches = batches or make_batches(
        model.trains_on[0],
        split.train,
        256,
        max_length=model.max_length,
        num_items=split.num_items,
        seed=seed,
        wanted=model.wanted(),
    )
    schedule = schedule or Schedule()
    state, best = FitState(), dict[str, Tensor]()
    if resume and folder is not None:
        state, best = _continued(folder, model, optimizer, processes, mark, average)
    if is_over(state, epochs, patience, evaluate_every) or (ends is not None and ends(state)):
        model.load_weights(best)
        return
    steps = train(
        model, batches, optimizer, first=state.epoch + 1, last=epochs,
        seed=seed, clip_norm=clip_norm, accumulate=accumulate, fabric=fabric, processes=processes,
        is_sharded=is_sharded, track=track, profile=profile, average=average,
        rate=lambda epoch, step: schedule.factor(epoch, step, state.num_lowered),  # of the state as it is then
    )  # fmt: skip
    for epoch in steps:
        state = replace(state, epoch=epoch.number, seconds=state.seconds + epoch.seconds)
        values, is_best = None, False
        if is_validated(model, epoch.number, evaluate_every, epochs):
            with validated(model, average) as weights:
                report = evaluate(model, split.valid, wanted, protocol, memory, processes=processes, data=data)
                values = report.means()
                is_best = state.best_epoch == 0 or values[monitor] > state.best_value
                best = weights() if is_best else best
        if values is not None:
            state = schedule.after_validation(state, is_best)
        if is_best and values is not None:
            state = replace(state, best_epoch=epoch.number, best_value=values[monitor])
            if folder is not None and processes.is_first:
                save_weights(best, folder / BEST, marked(mark))
        progress = Progress(epoch, values, is_best, state)
        if log is not None and processes.is_first:
            log(progress)
        if folder is not None:
            save_checkpoint(folder / CHECKPOINT, model, optimizer, state, processes.is_first, mark, average)
        yield progress
        if is_over(state, epochs, patience, evaluate_every) or (ends is not None and ends(state)):
            break
    model.load_weights(best)


def _continued(
    folder: Path,
    model: Trained,
    optimizer: torch.optim.Optimizer,
    processes: Processes,
    mark: str,
    average: Average | None,
) -> tuple[FitState, dict[str, Tensor]]:
    """The state and the best weights in a folder, which the first process alone needs to see."""
    with seen_by_first(folder / CHECKPOINT, processes) as checkpoint:
        if not lexists(checkpoint):
            return FitState(), {}
        state = load_checkpoint(checkpoint, model, optimizer, mark, streams_with_moments(model), average)
    if not state.best_epoch:
        return state, {}
    with seen_by_first(folder / BEST, processes) as best:
        weights, metadata = load_weights(best)
        refuse_other_mark(best, metadata, mark)
        try:
            check_weights(model.state_dict(), weights)
        except InputError as error:
            raise InputError(f"{folder / BEST} does not fit the recipe: {error}; {MEND}") from error
        return state, weights


def refuse_pretraining_alone(model: Trained, epochs: int) -> None:
    """Raises InputError where all epochs are those in which the model learns no next item."""
    if model.pretrain_epochs and model.pretrain_epochs >= epochs:
        raise InputError(
            f"{type(model).__name__} pre-trains for {model.pretrain_epochs} epochs before it learns the next item, and "
            f"there are {epochs} in all; take more (--epochs), or fewer of these (--model.pretrain_epochs)"
        )


def is_validated(model: Trained, epoch: int, evaluate_every: int, epochs: int) -> bool:
    """Whether an epoch is one after which the model is validated."""
    return epoch > model.pretrain_epochs and (epoch % evaluate_every == 0 or epoch == epochs)


def is_over(state: FitState, epochs: int, patience: int, evaluate_every: int) -> bool:
    """Whether training ends here: after all epochs, or after `patience` validations without a better one."""
    waited = (state.epoch - state.best_epoch) // evaluate_every
    return state.epoch >= epochs or (state.best_epoch > 0 and waited >= patience)


@contextmanager
def validated(model: Trained, average: Average | None) -> Iterator[Callable[[], dict[str, Tensor]]]:
    """A context in which the model has the weights that are validated; what is given copies them."""

    def weights() -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    if average is not None:
        average.before_validation()
    with nullcontext() if average is None else average.applied():
        yield weights
